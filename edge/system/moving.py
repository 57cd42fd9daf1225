"""Files moved so that nothing is ever lost: whole, to another disk too, and over no other file."""

import contextlib
import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from edgetl.edge.system.files import sync_folder

# Of os.link: another disk; file systems without links to files, and files that are not ours.
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


def move_whole(path: Path, target: Path) -> Path:
    """Move a file to `target`, or to a name beside it where that is taken: NAME-2.jpg.

    A kill, or a power cut, leaves the file in one of the two places or in both; never in none,
    and never a part of it under its name. What is a link becomes the file that it leads to. The
    folder of `target` is made where it is missing.

    Returns:
        Where it is.

    Raises:
        OSError: it cannot be moved; it is where it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    moved = None if path.is_symlink() else _linked(path, target)
    if moved is None:
        moved = _copied(path, target)
        # On one file system names reach the disk in order, on two in any.
        sync_folder(moved.parent)
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # As on a disk that is read-only: a second one would be learned from too.
        if os.path.lexists(path):
            moved.unlink()
        raise
    return moved


def _linked(path: Path, target: Path) -> Path | None:
    """A second name of the file; None where it cannot have one there."""
    try:
        return _under_free_name(target, lambda free: os.link(path, free))
    except OSError as error:
        if error.errno in _NO_LINK:
            return None
        raise


def _copied(path: Path, target: Path) -> Path:
    descriptor, name = tempfile.mkstemp(
        prefix=".part-", suffix=f"-{target.name}", dir=target.parent
    )
    os.close(descriptor)
    temporary = Path(name)
    try:
        shutil.copy2(path, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        return _under_free_name(target, lambda free: _renamed(temporary, free))
    finally:
        temporary.unlink(missing_ok=True)


def _renamed(path: Path, target: Path) -> None:
    """Rename, and raise FileExistsError rather than replace a file."""
    with target.open("xb"):
        pass
    try:
        path.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            target.unlink()
        raise


def _under_free_name(target: Path, make: Callable[[Path], None]) -> Path:
    number, free = 1, target
    while True:
        try:
            make(free)
        except FileExistsError:
            number += 1
            free = target.with_name(f"{target.stem}-{number}{target.suffix}")
        else:
            return free
