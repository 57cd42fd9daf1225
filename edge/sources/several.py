"""Several cameras as one source: the newest frame of each, alternately."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from edgetl.edge.errors import SourceError
from edgetl.edge.sources.camera import Camera, CameraFrame
from edgetl.edge.sources.files import Item
from edgetl.edge.system.messages import logger

# How long leaving waits for all cameras together; Ctrl-C must end a run within a second.
_RELEASE_SECONDS = 0.4


class Cameras:
    """The frames of several cameras, one by one, as fast as they are taken.

    The cameras take turns, so that a fast one does not starve a slow one; each time it is the
    newest frame, and none comes twice. One that is lost is opened again while the others go on. One
    that is not to be, and ends, is logged; with the last one the frames end. Use it as a context
    manager, and iterate from one thread.
    """

    def __init__(self, openers: Sequence[Callable[[], Camera]]) -> None:
        """Open them, one after another.

        Raises:
            What the openers raise; then all are given back.
        """
        self._changed = threading.Condition()
        with ExitStack() as stack:
            self._followed = [
                _Followed(stack.enter_context(opener()), self._changed) for opener in openers
            ]
            stack.pop_all()

    def __enter__(self) -> "Cameras":
        for one in self._followed:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Each may hang in a driver, and is waited for.
        leaving = [threading.Thread(target=one.leave, daemon=True) for one in self._followed]
        for thread in leaving:
            thread.start()
        for thread in leaving:
            thread.join(_RELEASE_SECONDS)

    def __iter__(self) -> Iterator[Item]:
        """The frames, each with the name of its camera.

        Raises:
            SourceError: one sends no frame at all, or the last one stops to and is not to be
                opened again.
        """
        turns = list(self._followed)
        while turns:
            with self._changed:
                self._changed.wait_for(lambda: any(one.is_due for one in turns))
                one = next(one for one in turns if one.is_due)
                frame = one.take()
            turns.remove(one)
            if frame is not None:
                turns.append(one)
                yield one.camera.seen(frame)
            elif one.error is None:  # it was left
                return
            elif one.is_new or not turns or not isinstance(one.error, SourceError):
                raise one.error
            else:
                logger.warning(f"{one.error}; the others go on")


class _Followed:
    """A camera whose newest frame is kept by a thread, which waits while the camera is away.

    Attributes:
        error: why it has ended.
        is_new: whether no frame has come yet.
    """

    def __init__(self, camera: Camera, changed: threading.Condition) -> None:
        """`changed` is notified when there is a frame, or the end; it guards what is kept."""
        self.camera = camera
        self.error: BaseException | None = None
        self.is_new = True
        self._changed = changed
        self._newest: CameraFrame | None = None
        self._over = False
        self._thread = threading.Thread(target=self._follow, daemon=True, name=camera.name)

    def start(self) -> None:
        self._thread.start()

    def leave(self) -> None:
        with self.camera:
            pass

    @property
    def is_due(self) -> bool:
        """Whether there is a frame, or the end."""
        return self._newest is not None or self._over

    def take(self) -> CameraFrame | None:
        """The newest frame, once; None at the end."""
        newest, self._newest = self._newest, None
        return newest

    def _follow(self) -> None:
        try:
            for frame in self.camera.frames():
                with self._changed:
                    self._newest, self.is_new = frame, False
                    self._changed.notify_all()
        except BaseException as error:
            self.error = error
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()
