"""Entries of a cache: folders that trainings side by side make, use and remove.

An entry's name is 24 hexadecimal digits of a digest of what it was made from. It is made under
another name beside, so an entry that has its name is whole. Who uses one holds a shared lock on it
(flock, on the folder itself, so nothing of ours lies among unpacked photos), which ends with the
process at the latest; what is in use is not removed.

Where folders cannot be locked (Windows, some network file systems), what was not begun to be used
for a day counts as not in use.
"""

import contextlib
import os
import re
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from edgetl.edge.system.files import sync_folder

if sys.platform != "win32":
    import fcntl

# Beside runs: decoded photos, unpacked archives, converted networks.
CACHE_NAME = ".cache"

_NAME = re.compile("[0-9a-f]{24}")
# An entry that is being made, or removed.
_UNNAMED = ".building-"
# A process makes the folder of a new entry first, and locks it then.
_LOCKED_AFTER_SECONDS = 60
_UNUSED_AFTER_SECONDS = 24 * 3600
# What lets go of this process's entry of each cache.
_HELD: dict[Path, Callable[[], None]] = {}


def hold(entry: Path) -> Callable[[], None] | None:
    """Keep an entry from being removed, until what is returned is called or the process ends.

    The entry is the newest of its cache from now on.

    Returns:
        None where there is no such entry.
    """
    try:
        if sys.platform == "win32":
            os.utime(entry)
            return lambda: None
        descriptor = os.open(entry, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    with contextlib.suppress(OSError):  # no locks there
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        # It may have been removed, and made again, before it was locked.
        if os.path.samestat(os.fstat(descriptor), entry.stat()):
            os.utime(entry)
            return partial(os.close, descriptor)
    except FileNotFoundError:
        pass
    os.close(descriptor)
    return None


def hold_until_next(entry: Path) -> bool:
    """Hold an entry that this process uses until it uses another of the same cache, or ends.

    Returns:
        Whether there is such an entry.
    """
    let_go = hold(entry)
    if let_go is None:
        return False
    if earlier := _HELD.pop(entry.parent, None):
        earlier()
    _HELD[entry.parent] = let_go
    return True


@contextmanager
def alone_with(entry: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Make an entry's folder if need be, and keep other processes from it during the block.

    For an entry that is changed where it is. Where folders cannot be locked, none is kept away.

    Args:
        entry: the folder.
        waiting: called before another process is waited for.

    Raises:
        OSError: the cache cannot be written.
    """
    descriptor = None
    while descriptor is None:
        entry.mkdir(parents=True, exist_ok=True)
        os.utime(entry)
        if sys.platform == "win32":
            yield
            return
        descriptor = _locked_alone(entry, waiting)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def new_entry(entry: Path) -> Iterator[Path]:
    """An empty folder that becomes `entry` when the block ends without an error.

    Its files must have reached the disk by then. If another process made the same entry meanwhile,
    that one stays.

    Raises:
        OSError: the cache cannot be written.
    """
    cache = entry.parent
    cache.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=_UNNAMED, dir=cache))
    let_go = hold(building)
    try:
        yield building
        building.chmod(0o755)  # mkdtemp's are only for their owner
        sync_folder(building)
        try:
            building.rename(entry)
        except OSError:
            if not entry.is_dir():
                raise
        sync_folder(cache)
    finally:
        if let_go:
            let_go()
        shutil.rmtree(building, ignore_errors=True)


def remove(entry: Path) -> bool:
    """Remove an entry unless it is in use; whether it is gone."""
    aside = entry.with_name(f"{_UNNAMED}{uuid.uuid4().hex}")
    try:
        with _unused(entry) as unused:
            if not unused:
                return False
            entry.rename(aside)
    except OSError:  # another process removes it, or has a file in it open on Windows
        return not entry.exists()
    shutil.rmtree(aside, ignore_errors=True)
    return True


def prune(cache: Path, *, keep: int) -> list[Path]:
    """Remove entries beyond the `keep` newest that are not in use, and what a kill left half made.

    Returns:
        The entries that were removed.
    """
    entries = [path for path in cache.iterdir() if _NAME.fullmatch(path.name)]
    entries.sort(key=_age)
    for path in cache.glob(f"{_UNNAMED}*"):
        if _age(path) > _LOCKED_AFTER_SECONDS:
            remove(path)
    return [entry for entry in entries[keep:] if remove(entry)]


def _locked_alone(entry: Path, waiting: Callable[[], None]) -> int | None:
    """The descriptor of the locked folder; None where it was removed meanwhile."""
    descriptor = os.open(entry, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:
            return descriptor
        if os.path.samestat(os.fstat(descriptor), entry.stat()):
            return descriptor
    except FileNotFoundError:
        pass
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _age(path: Path) -> float:
    """Seconds since an entry was begun to be used."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


@contextmanager
def _unused(folder: Path) -> Iterator[bool]:
    """Whether no process holds the folder; none can begin to in the block."""
    if sys.platform == "win32":
        yield _age(folder) > _UNUSED_AFTER_SECONDS
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unused = True
        except BlockingIOError:
            unused = False
        except OSError:
            unused = _age(folder) > _UNUSED_AFTER_SECONDS
        yield unused
    finally:
        os.close(descriptor)
