"""Keeping native libraries' greetings off the terminal."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from edgetl.edge.errors import EdgetlError

DEBUG_VARIABLE = "EDGETL_DEBUG"


@contextmanager
def hidden_native_log() -> Iterator[None]:
    """Hold back what is written to file descriptor 2 while the block runs; show it if it crashes.

    TensorFlow, LiteRT and OpenCV greet from C++ before any log level applies. The descriptor is
    the whole process's, so this is for the command line, not for library calls. `--debug` (or
    EDGETL_DEBUG in the environment) lets everything through.
    """
    if os.environ.get(DEBUG_VARIABLE):
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        explains = True
        try:
            yield
            explains = False
        except EdgetlError:
            explains = False
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            if explains:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))
