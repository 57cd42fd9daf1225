"""Reading files within bounds, and writing them so that a kill leaves the old or the new one."""

import errno
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from edgetl.edge.errors import reason


def open_regular_file(path: str | Path) -> BinaryIO:
    """A file that a person named, open for reading; at once, whatever it is.

    Raises:
        OSError: it cannot be opened, is a folder, or is a pipe or device, which may never end or
            never be written to. `strerror` says so.
    """
    # To open a pipe lets go who waits to write to it, and some devices act on it.
    _refuse_irregular(path, Path(path).stat().st_mode)
    # It may be another one by now. Without O_NONBLOCK, opening a pipe waits for who writes to it.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", getattr(os, "O_BINARY", 0)))
    try:
        _refuse_irregular(path, os.fstat(descriptor).st_mode)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_irregular(path: str | Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "a pipe or device, not a file", str(path))


def why_no_file(path: str | Path) -> str | None:
    """Why `open_regular_file` would refuse a path, in a few words; None if it would not."""
    try:
        _refuse_irregular(path, Path(path).stat().st_mode)
    except OSError as error:
        return reason(error)
    return None


def read_regular_file(path: Path, *, at_most: int) -> bytes:
    """The content of a file that a person named.

    Raises:
        OSError: as `open_regular_file`, or it is larger than `at_most` bytes.
    """
    with open_regular_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = b"" if size > at_most else file.read(size + 1)
        # Some of the kernel's say 0.
        if len(content) > size:
            content += file.read(at_most + 1 - len(content))
    if max(size, len(content)) > at_most:
        raise OSError(errno.EFBIG, f"larger than {at_most:,} bytes", str(path))
    return content


def read_json(path: Path, *, at_most: int) -> Any:
    """What a JSON file of UTF-8 holds.

    Raises:
        OSError: as `read_regular_file`.
        ValueError: it is no JSON, or nested too deeply.
    """
    try:
        return json.loads(read_regular_file(path, at_most=at_most))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


@contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """A temporary path beside `path`, moved into place when the block ends without an error.

    The temporary name ends as `path` does, which many writers go by.

    Args:
        mode: the finished file's permissions; default those of an ordinary new file.

    Raises:
        OSError: the folder cannot be written, or `path` is a device or a pipe, which root could
            else replace by a file, for all programs of the machine.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    descriptor, name = tempfile.mkstemp(prefix=".part-", suffix=f"-{path.name}", dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files only their owner can read.
        if mode is None:
            mask = os.umask(0)
            os.umask(mask)
            mode = 0o666 & ~mask
        temporary.chmod(mode)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def timed_path(folder: Path, time: datetime, ending: str) -> Path:
    """A path in `folder` that is free, named by the time: 20250309T120000.000Z-ENDING.

    Args:
        time: UTC. Where the name is taken it is a millisecond later, or more.
        ending: what follows.
    """
    while True:
        stamp = f"{time:%Y%m%dT%H%M%S}.{time.microsecond // 1000:03}Z"
        path = folder / f"{stamp}-{ending}"
        if not path.exists():
            return path
        # Pictures can follow each other within a millisecond.
        time += timedelta(milliseconds=1)


def open_file_limit() -> int:
    """How many files this process may have open; 512, which Windows allows, without a limit."""
    try:
        import resource
    except ImportError:  # Windows
        return 512
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 1 << 20 if soft == resource.RLIM_INFINITY else soft


def sync_folder(path: Path) -> None:
    """Let the names of a folder's files reach the disk; Windows has no such call.

    Raises:
        OSError: the disk fails.
    """
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str, *, mode: int | None = None) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all; `mode` as in `replacing`."""
    with replacing(path, mode=mode) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` to `path` as indented JSON, whole or not at all.

    A file's name that is no UTF-8 is in it as Python has it, and is read again as the same.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    with replacing(path) as temporary:
        # What UTF-8 cannot hold, half of a surrogate pair, is backslashreplace's as JSON writes it.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
