"""Where lines go: a stream that is open already, or a file that is appended to."""

import contextlib
import os
import stat
from pathlib import Path
from typing import Protocol, TextIO

from edgetl.edge.errors import SinkError, quoted, reason
from edgetl.edge.sinks import ReaderGoneError
from edgetl.edge.system.standard_streams import abandon

# Read from the end of a file to find where its last whole line ends.
_BLOCK = 65536


class Lines(Protocol):
    """Takes whole lines."""

    def write(self, line: str) -> None:
        """Write `line`, which ends in a newline, whole and without buffering.

        Raises:
            SinkError: it cannot be written.
            ReaderGoneError: the reader has left.
        """

    def close(self) -> None:
        """Close what was opened."""


class StreamLines:
    """Lines to a stream that the caller opens and closes, such as sys.stdout.

    Where it is a file, a line that a full disk took only a part of is removed.
    """

    def __init__(self, stream: TextIO, *, name: str, header: str = "") -> None:
        """`name` is what the stream is called in messages; `header` goes before the first line."""
        self._stream = stream
        self._name = name
        self._header = header
        # Not through the stream: where it is unbuffered, Python loses what a write did not take.
        self._file = _file_of(stream)

    def write(self, line: str) -> None:
        text = self._header + line
        try:
            if self._file is None:
                self._stream.write(text)
                self._stream.flush()
            else:
                _append(self._file, _encoded(text))
        except BrokenPipeError as error:
            abandon(self._stream)
            raise ReaderGoneError(f"{self._name}: its reader has closed it") from error
        except OSError as error:
            abandon(self._stream)
            raise SinkError(f"{self._name}: {reason(error)}") from error
        self._header = ""

    def close(self) -> None:
        pass


class FileLines:
    """Lines appended to a file, each by one write, so that a kill leaves whole lines.

    A line that a full disk took only a part of is removed. Half a line at the end of the file,
    which only a power cut leaves, is cut off.

    Attributes:
        cut: bytes of such a half line, 0 if there was none.
        regular: whether it is a file, and not a named pipe or a device.
    """

    def __init__(self, path: Path, *, begins: str, header: str = "") -> None:
        """Open or create a file.

        Args:
            path: where; it may also be a named pipe or a device.
            begins: how every file of this kind begins; another one is left alone.
            header: goes before the first line where nothing is there yet, in one write with it.

        Raises:
            SinkError: it cannot be opened, or is a file of another kind.
        """
        self.cut = 0
        self._path = path
        self._name = quoted(path)
        self._header = header
        try:
            # Writing to a pipe that this process can read never fails when the reader leaves.
            mode = os.O_WRONLY if path.exists() and not path.is_file() else os.O_RDWR
            self._file = os.open(path, mode | os.O_APPEND | os.O_CREAT, 0o666)
        except OSError as error:
            raise SinkError(f"{self._name}: {reason(error)}") from error
        try:
            self.regular = stat.S_ISREG(os.fstat(self._file).st_mode)
            if self.regular:
                check_begins(os.pread(self._file, len(begins.encode()), 0), begins, name=self._name)
                self._cut_half_line()
        except OSError as error:
            self.close()
            raise SinkError(f"{self._name}: {reason(error)}") from error
        except SinkError:
            self.close()
            raise

    def write(self, line: str) -> None:
        try:
            text = line if self.size else self._header + line
            _append(self._file, _encoded(text))
        except OSError as error:
            raise SinkError(f"{self._name}: {reason(error)}") from error
        if not self.regular:
            self._header = ""

    @property
    def size(self) -> int:
        """Bytes of the file; 0 of a pipe or a device."""
        return os.fstat(self._file).st_size

    @property
    def moved(self) -> bool:
        """Whether its name is no longer this file's: it was deleted, or moved by someone."""
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._file))
        except FileNotFoundError:
            return True

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

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


def check_begins(start: bytes, begins: str, *, name: str) -> None:
    """Check that a file which begins with `start` is one of those that begin with `begins`.

    Args:
        start: as many bytes of it as `begins` has, or all that there are.
        begins: how every file of its kind begins.
        name: what it is called in messages.

    Raises:
        SinkError: it is of another kind.
    """
    # The first line itself may be half a record.
    if not begins.encode().startswith(start):
        raise SinkError(
            f"{name}: is there and does not begin with {begins.strip()!r}, so its lines would not "
            f"match; name another file"
        )


def _file_of(stream: TextIO) -> int | None:
    """The descriptor of the regular file that a stream writes to; None where it is none."""
    with contextlib.suppress(OSError, ValueError):
        stream.flush()
        if stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            return stream.fileno()
    return None


def _encoded(text: str) -> bytes:
    return text.encode(errors="backslashreplace")


def _append(file: int, data: bytes) -> None:
    """Write all of `data` to the end of an open file, or, where it is a regular one, nothing."""
    taken = 0
    try:
        while taken < len(data):
            # A full disk takes what fits, and only the next write says that it is full.
            taken += os.write(file, data[taken:])
    except OSError:
        if taken and stat.S_ISREG(os.fstat(file).st_mode):
            with contextlib.suppress(OSError):
                os.ftruncate(file, os.fstat(file).st_size - taken)
        raise
