"""Where lines go: a stream that is open already, or a file that is appended to."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Protocol, TextIO

from edge.errors import SinkError, quoted, reason
from edge.sinks import ReaderGoneError

# Read from the end of a file to find where its last whole line ends.
_BLOCK = 65536


class Lines(Protocol):
    """Takes whole lines.

    Attributes:
        empty: whether no line is there yet, of this run or an earlier one.
    """

    empty: bool

    def write(self, line: str) -> None:
        """Pass `line`, which ends in a newline, on at once and whole.

        Raises:
            SinkError: it cannot be written.
            ReaderGoneError: nobody reads any more.
        """

    def close(self) -> None:
        """Let go of what was opened."""


class StreamLines:
    """Lines to a stream that someone else opened and closes, such as sys.stdout."""

    def __init__(self, stream: TextIO, *, name: str) -> None:
        """`name` is what the stream is called in messages."""
        self.empty = True
        self._stream = stream
        self._name = name

    def write(self, line: str) -> None:
        try:
            self._stream.write(line)
            self._stream.flush()
        except BrokenPipeError as error:
            _abandon(self._stream)
            raise ReaderGoneError(f"{self._name}: nobody reads it any more") from error
        except OSError as error:
            _abandon(self._stream)
            raise SinkError(f"{self._name}: {reason(error)}") from error
        self.empty = False

    def close(self) -> None:
        pass


class FileLines:
    """Lines appended to a file, each by one write, so that a kill leaves whole lines.

    What a full disk took only a part of is taken back. Half a line at the end of the file, which
    only a power cut leaves, is cut off.

    Attributes:
        cut: bytes of such a half line.
    """

    def __init__(self, path: Path, *, begins: str) -> None:
        """Open or create a file.

        Args:
            path: where; it may also be a named pipe or a device.
            begins: how every file of this kind begins; another one is left alone.

        Raises:
            SinkError: it cannot be opened, or is a file of another kind.
        """
        self.cut = 0
        self._name = quoted(path)
        try:
            # A pipe that we could read ourselves would never tell that its reader has gone.
            mode = os.O_WRONLY if path.exists() and not path.is_file() else os.O_RDWR
            self._file = os.open(path, mode | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError as error:
            raise SinkError(f"{self._name}: {reason(error)}") from error
        try:
            self._regular = stat.S_ISREG(os.fstat(self._file).st_mode)
            if self._regular:
                self._check_begins(begins.encode())
                self._cut_half_line()
            self.empty = not self._regular or os.fstat(self._file).st_size == 0
        except OSError as error:
            self.close()
            raise SinkError(f"{self._name}: {reason(error)}") from error
        except SinkError:
            self.close()
            raise

    def write(self, line: str) -> None:
        data = line.encode(errors="backslashreplace")
        taken = 0
        try:
            while taken < len(data):
                # A full disk takes what fits, and only the next write says that it is full.
                taken += os.write(self._file, data[taken:])
        except OSError as error:
            if taken and self._regular:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._file, os.fstat(self._file).st_size - taken)
            raise SinkError(f"{self._name}: {reason(error)}") from error
        self.empty = False

    def close(self) -> None:
        os.close(self._file)

    def _check_begins(self, begins: bytes) -> None:
        start = os.pread(self._file, len(begins), 0)
        # The first line itself may be the half one.
        if not begins.startswith(start):
            shown = begins.decode().strip()
            raise SinkError(
                f"{self._name}: is there and does not begin with {shown!r}, so its lines would not "
                f"match; name another file"
            )

    def _cut_half_line(self) -> None:
        size = end = os.fstat(self._file).st_size
        while end:
            start = max(0, end - _BLOCK)
            newline = os.pread(self._file, end - start, start).rfind(b"\n")
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
        if end < size:
            os.ftruncate(self._file, end)
            self.cut = size - end


def _abandon(stream: TextIO) -> None:
    # Python flushes sys.stdout once more when it exits; what is still in it must go somewhere.
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
