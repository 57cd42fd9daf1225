"""Looking whether a model file is replaced while it is in use."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from edgetl.edge.errors import EdgetlError, quoted
from edgetl.edge.system.messages import logger

# Seconds between two looks at the file. A copy that is being written is not read: the file must be
# the same at two looks.
_LOOK_SECONDS = 2.0

_Model = TypeVar("_Model")

# What another file has another of: device, inode, size, time of the change.
_Identity = tuple[int, int, int, int]


class ModelWatch(Generic[_Model]):
    """Looks whether a file has been replaced, and loads what is there now, in a thread of its own.

    A file that cannot be loaded is logged, once, and the one in use stays. Use it as a context
    manager.
    """

    def __init__(self, path: Path, load: Callable[[], _Model | None]) -> None:
        """
        Args:
            path: of the file in use, or of a link to it.
            load: loads and tries what is there now; None if it is what is in use. Called in the
                thread. An EdgetlError says why it cannot take over.
        """
        self._path = path
        self._load = load
        # The file may have been replaced since it was read: the first look reads it again.
        self._seen: _Identity | None = None
        self._loaded: _Model | None = None
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model watch", daemon=True)

    def __enter__(self) -> "ModelWatch[_Model]":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()

    @property
    def ready(self) -> bool:
        """Whether another model is loaded and waits to be taken."""
        return self._loaded is not None

    def take(self) -> _Model:
        """The model that is loaded; once."""
        loaded, self._loaded = self._loaded, None
        assert loaded is not None
        return loaded

    def _run(self) -> None:
        before = _identity(self._path)
        while not self._left.wait(_LOOK_SECONDS):
            now = _identity(self._path)
            if now is not None and now == before and now != self._seen and not self.ready:
                self._seen = now
                self._try()
            before = now

    def _try(self) -> None:
        try:
            self._loaded = self._load()
        except EdgetlError as error:
            logger.error(
                f"{quoted(self._path)} was replaced by a file that cannot take over; the model "
                f"before it stays in use: {error}"
            )


def _identity(path: Path) -> _Identity | None:
    """None where there is no such file, as between two steps of its replacement."""
    try:
        found = os.stat(path)  # noqa: PTH116 - a link is followed
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
