"""The stdout of a subprocess that computes something for the process which started it.

Libraries print what they like, from native code too, when they are loaded as at the process's end.
None of it may get into the answer.
"""

import os
import sys
from typing import BinaryIO


def keep_stdout() -> BinaryIO:
    """A file that writes to stdout; what anything else prints there from now on goes to stderr."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # In the order in which it is printed, and not when the process ends.
    sys.stdout = sys.stderr
    return answer
