"""A run folder belongs to one training at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgetl.edge.errors import RunFolderError, quoted

LOCK = ".lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a run folder while the block runs; the system lets go of it when the process ends.

    The lock's file stays: whoever deletes one can delete another's.

    Raises:
        RunFolderError: another training holds it.
        OSError: the folder cannot be written.
    """
    # Reading a run, as `benchmark` does on a device, is no training: filelock comes with [train].
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise RunFolderError(
            f"{quoted(folder)}: another training writes there; wait for it, or choose another "
            f"folder with --out"
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a training is going on in a run folder. Asks without filelock, where it can."""
    if not (folder / LOCK).exists():
        return False
    try:
        # What filelock calls too. A device, which has no filelock, lists and removes runs as well.
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:  # Windows
        return _is_held_by_filelock(folder)
    try:
        with (folder / LOCK).open("r+b") as lock:
            flock(lock, LOCK_EX | LOCK_NB)
    except OSError:
        return True
    return False


def _is_held_by_filelock(folder: Path) -> bool:
    try:
        with held(folder):
            return False
    except (RunFolderError, OSError):
        return True
