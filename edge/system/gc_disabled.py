"""Python's search for garbage, kept away from what is no garbage."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def gc_disabled() -> Iterator[None]:
    """Load large libraries here: what they make is never searched for garbage.

    Python searches after every 700 new objects and at the end of the process, and TensorFlow makes
    half a million that stay: importing it and ending took 3.6 s and takes 2.3 (2 cores).
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
