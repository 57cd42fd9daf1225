"""Which process does which shard: a byte of one file, locked while the process lives.

The kernel frees what a process had locked when it ends, in whatever way, so that a kill leaves
nothing that blocks. On network file systems the locks hold between machines (NFS 4; Lustre with
-o flock). Where there are none a shard may be done twice, with the same result: the second file
takes the first one's place.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_NAME = "_lock"

_HELD = (errno.EACCES, errno.EAGAIN)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


class Claims:
    """Claims on the shards of a results folder. One for a process, which has to keep it."""

    def __init__(self, folder: Path) -> None:
        """
        Args:
            folder: of the results; it exists.

        Raises:
            OSError: it cannot be written.
        """
        self._descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o666)

    def close(self) -> None:
        """Give up all claims."""
        os.close(self._descriptor)

    @contextmanager
    def claimed(self, shard: int, *, wait: bool) -> Iterator[bool]:
        """Whether a shard is this process's for the block.

        Args:
            shard: its number.
            wait: until no other process has it, in place of False.
        """
        taken = _lock(self._descriptor, shard + 1, wait=wait)
        try:
            yield taken
        finally:
            if taken:
                _unlock(self._descriptor, shard + 1)

    @contextmanager
    def of_folder(self) -> Iterator[None]:
        """The folder itself for the block, waited for."""
        _lock(self._descriptor, 0, wait=True)
        try:
            yield
        finally:
            _unlock(self._descriptor, 0)


try:
    import fcntl
except ImportError:  # Windows

    def _lock(descriptor: int, byte: int, *, wait: bool) -> bool:
        return True

    def _unlock(descriptor: int, byte: int) -> None:
        pass

else:

    def _lock(descriptor: int, byte: int, *, wait: bool) -> bool:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), 1, byte)
        except OSError as error:
            if error.errno in _HELD and not wait:
                return False
            if error.errno not in _NO_LOCKS:
                raise
        return True

    def _unlock(descriptor: int, byte: int) -> None:
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_UN, 1, byte)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
