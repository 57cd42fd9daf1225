"""Keeping the logs of native libraries off the terminal."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import BinaryIO

from edgetl.edge.errors import EdgetlError

DEBUG_VARIABLE = "EDGETL_DEBUG"

_one_at_a_time = Lock()


@contextmanager
def hidden_native_log() -> Iterator[None]:
    """Hold back what is written to file descriptor 2 while the block runs; show it if it crashes.

    TensorFlow logs from C++ before any log level applies. The descriptor is the whole process's,
    so this is for the command line, not for library calls. `--debug` (or EDGETL_DEBUG in the
    environment) lets everything through.
    """
    if os.environ.get(DEBUG_VARIABLE):
        yield
        return
    with _unnamed_file() as held:
        try:
            with _redirected_stderr(held):
                yield
        except (EdgetlError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException:
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise


@contextmanager
def without_info_lines() -> Iterator[None]:
    """Leave out lines that begin with "INFO: " of what is written to file descriptor 2 meanwhile.

    TFLite's interpreters write one when they are first used, and have no log level that Python can
    reach. What else is written, by other threads too, is written when the block has ended.
    """
    if os.environ.get(DEBUG_VARIABLE) or not _has_stderr():
        yield
        return
    with _one_at_a_time, _unnamed_file() as held:
        try:
            with _redirected_stderr(held):
                yield
        finally:
            held.seek(0)
            rest = b"".join(line for line in held if not line.startswith(b"INFO: "))
            if rest:
                os.write(2, rest)


def _has_stderr() -> bool:
    try:
        os.fstat(2)
    except OSError:
        return False
    return sys.stderr is not None


def _unnamed_file() -> BinaryIO:
    if hasattr(os, "memfd_create"):
        # A device may have no folder that can be written to.
        return os.fdopen(os.memfd_create("stderr"), "w+b")
    return tempfile.TemporaryFile()


@contextmanager
def _redirected_stderr(file: BinaryIO) -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
