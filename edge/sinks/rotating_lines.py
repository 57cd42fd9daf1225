"""Lines in a file for each day, all together of limited size, for a run that never ends."""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

from edgetl.edge.errors import SinkError, quoted, reason
from edgetl.edge.sinks.lines import FileLines

# What is deleted at a time: the oldest file is at most this share of the limit.
_FILES = 10


def _now() -> datetime:
    return datetime.now(UTC)


class RotatingLines:
    """Lines appended to a file, which is put aside at the end of its day, in UTC, or when large.

    results.jsonl of 30 November 2026 becomes results-20261130.jsonl, others of that day
    results-20261130-2.jsonl and so on. The oldest are deleted before all together would take more
    than the limit; a file that does not begin as these do is left alone.

    A file that was deleted or moved by someone is made again.

    Attributes:
        cut: bytes of half a line that were cut off; see `FileLines`.
    """

    def __init__(
        self,
        path: Path,
        *,
        begins: str,
        older_begin: str,
        header: str = "",
        limit_mb: float,
        now: Callable[[], datetime] = _now,
    ) -> None:
        """Open or create the file.

        Args:
            path, begins, header: see `FileLines`.
            older_begin: how the files begin that were put aside, with this header or another.
            limit_mb: of all files, in millions of bytes; more than 0.
            now: the time, UTC.

        Raises:
            SinkError: it cannot be opened, or is a file of another kind.
        """
        self._path = path
        self._begins = begins
        self._older_begin = older_begin.encode()
        self._header = header
        self._limit = int(limit_mb * 1e6)
        self._now = now
        self._file = self._opened()
        self.cut = self._file.cut
        try:
            self._day = self._day_of_file()
            self._older = [
                (older, older.stat().st_size)
                for _, _, older in sorted(self._named())
                if self._is_ours(older)
            ]
        except OSError as error:
            self._file.close()
            raise self._failure(error) from error

    def write(self, line: str) -> None:
        size = len(line.encode(errors="backslashreplace"))
        try:
            if self._file.regular:
                self._prepare(size)
        except OSError as error:
            raise self._failure(error) from error
        self._file.write(line)

    def close(self) -> None:
        self._file.close()

    def _prepare(self, size: int) -> None:
        """Let the open file be the one that a line of `size` bytes belongs into, and make room."""
        if self._file.moved:
            self._reopen()
        today = self._now().date()
        there = self._file.size
        if there and (self._day != today or there + size > self._limit // _FILES):
            self._put_aside(there)
            there = 0
        if not there:
            self._day = today
            size += len(self._header.encode())
        while self._older and there + size + sum(s for _, s in self._older) > self._limit:
            self._older[0][0].unlink(missing_ok=True)
            del self._older[0]

    def _put_aside(self, size: int) -> None:
        number = max((number for day, number, _ in self._named() if day == self._day), default=0)
        end = f"-{number + 1}" if number else ""
        name = f"{self._path.stem}-{self._day:%Y%m%d}{end}{self._path.suffix}"
        older = self._path.with_name(name)
        # Windows renames no file that is open.
        self._file.close()
        self._path.rename(older)
        self._older.append((older, size))
        self._reopen()

    def _reopen(self) -> None:
        self._file.close()
        self._file = self._opened()
        self._day = self._day_of_file()

    def _opened(self) -> FileLines:
        return FileLines(self._path, begins=self._begins, header=self._header)

    def _day_of_file(self) -> date:
        if not self._file.regular or not self._file.size:
            return self._now().date()
        return datetime.fromtimestamp(self._path.stat().st_mtime, UTC).date()

    def _named(self) -> Iterator[tuple[date, int, Path]]:
        """Day, number and path of what has the name of a file that was put aside."""
        stem, suffix = re.escape(self._path.stem), re.escape(self._path.suffix)
        for path in self._path.parent.iterdir():
            found = re.fullmatch(rf"{stem}-([0-9]{{8}})(?:-([1-9][0-9]*))?{suffix}", path.name)
            if found:
                with suppress(ValueError):  # there is no such day
                    yield date.fromisoformat(found[1]), int(found[2] or 1), path

    def _is_ours(self, path: Path) -> bool:
        if path.is_symlink() or not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(self._older_begin)) == self._older_begin

    def _failure(self, error: OSError) -> SinkError:
        return SinkError(f"{quoted(error.filename or self._path)}: {reason(error)}")
