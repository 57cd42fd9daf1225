"""stdin, stdout and stderr that are closed, whose reader has gone, or that carry an answer."""

import contextlib
import os
import sys
from typing import BinaryIO, TextIO


def replace_closed() -> None:
    """Open the null device for each of the three that the process was started without.

    Else the next file that is opened takes its number, and with it what libraries write to it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    # Python has none where there was none when it started.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - open until the process ends
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115


def abandon(stream: TextIO) -> None:
    """Let what is still in `stream`, and what is written to it later, go to the null device.

    Python flushes stdout and stderr once more when it exits.
    """
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def keep_stdout() -> BinaryIO:
    """A file that writes to stdout; what anything else prints there from now on goes to stderr.

    For a subprocess that computes something for the process which started it. Libraries print what
    they like, from native code too, when they are loaded as at the process's end.
    """
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    # In the order in which it is printed, and not when the process ends.
    sys.stdout = sys.stderr
    return answer
