"""stdin, stdout and stderr that are closed, or whose reader has gone."""

import contextlib
import os
import sys
from typing import TextIO


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
