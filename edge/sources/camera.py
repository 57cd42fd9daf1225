"""A live camera or stream: always its newest frame, reconnected when it is lost."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from edgetl.edge.errors import EdgetlError, SourceError, quoted
from edgetl.edge.sources.camera_backends import (
    NEEDS_PICAMERA2,
    Backend,
    is_csi_device,
    open_camera,
)
from edgetl.edge.sources.capture import (
    FRAME_SECONDS,
    CameraSettings,
    Capture,
    Frame,
    camera_name,
    check_stream,
    is_stream,
)
from edgetl.edge.sources.files import Item
from edgetl.edge.sources.freeze import FreezeDetector, Part, is_same
from edgetl.edge.sources.options import FROZEN_SECONDS
from edgetl.edge.sources.view import View
from edgetl.edge.system.flapping import FlappingLog
from edgetl.edge.system.masking import masked, secrets_of
from edgetl.edge.system.messages import logger

# Between attempts to get a lost camera back; each wait is twice the one before.
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0

# A camera that worked for this long is reconnected as quickly as at the first loss.
_WORKED_SECONDS = 30.0

# A thread that hangs in a driver cannot be ended. While so many do, no other is started.
_MOST_HANGING = 3

# How long leaving waits for the camera to be given back.
_RELEASE_SECONDS = 0.3


@dataclass(frozen=True)
class CameraFrame:
    """A frame as the camera gave it.

    Attributes:
        frame: uint8, BGR, BGRA or grey.
        number: counts the frames, from 1.
        arrived: when, in seconds of time.monotonic().
    """

    frame: Frame
    number: int
    arrived: float


class Camera:
    """A live camera or stream, read by a thread that keeps the newest frame only.

    Iterating gives each time the newest frame that has not been given yet, so a classifier slower
    than the camera skips frames instead of falling behind. Use it as a context manager, and iterate
    from one thread.
    """

    def __init__(
        self,
        source: int | str,
        *,
        called: str = "",
        backend: Backend = "auto",
        settings: CameraSettings | None = None,
        view: View | None = None,
        reconnect: bool = True,
        frozen_after: float = FROZEN_SECONDS,
    ) -> None:
        """Open a camera.

        Args:
            source: a camera's number, a device's path or a stream's URL.
            called: what it is called in results and messages, in place of number, path or URL.
            backend: the library it is read through.
            settings: the resolution and rate it is asked for.
            view: how its frames are rotated and cropped.
            reconnect: whether one that ends, or sends nothing for 10 seconds, is opened again until
                it is back; a warning is logged then, as when it is lost. One that never sent a
                frame is not.
            frozen_after: one whose frames stay the same to the bit for so many seconds has ended
                too, until it sends another; 0 for never.

        Raises:
            SourceError: there is no such camera.
            SettingError: the camera cannot be asked for that.
            EdgetlError: picamera2 is asked for and not installed.
        """
        if isinstance(source, str):
            check_stream(source)
        self._source = source
        self.name = called or camera_name(source)
        self._view = view or View()
        self._open = partial(open_camera, source, backend, settings or CameraSettings())
        self._reconnect = reconnect
        self._frozen_after = frozen_after
        self._steady: set[Part] = set()
        self._log = FlappingLog()
        self._left = threading.Event()
        self._wait = FIRST_WAIT
        self._hanging: list[_Reader] = []
        self._reader = self._new_reader()
        try:
            self._reader.wait_until_open()
        except BaseException:
            self._reader.stop()
            raise

    def __enter__(self) -> "Camera":
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._reader.stop()

    def __iter__(self) -> Iterator[Item]:
        """The newest frames, each with its number and when it arrived, until the camera is left.

        Raises:
            SourceError: it sends no frame at all, or stops to and is not to be opened again.
        """
        return map(self.seen, self.frames())

    def frames(self) -> Iterator[CameraFrame]:
        """The newest frames as they come; `seen` makes of one what iterating gives."""
        before, last = 0, 0
        while not self._left.is_set():
            newest = self._reader.newer_than(last)
            if newest is not None:
                last = newest.number
                # Frames that arrived and were not given count as skipped ones do.
                yield replace(newest, number=before + last)
            elif not self._left.is_set():
                self._return(after=before + last)
                before, last = before + last, 0

    def seen(self, newest: CameraFrame) -> Item:
        """What is seen of a frame."""
        return Item(self.name, self._view.of(newest.frame), newest.number, newest.arrived)

    def _return(self, *, after: int) -> None:
        """Wait until there are frames again, or the camera is left."""
        name, frozen = quoted(self.name), self._reader.frozen
        if not after:
            raise self._reader.error or SourceError(f"{name}: {self._why_silent()}")
        why = frozen.why if frozen else ""
        if not self._reconnect:
            raise SourceError(f"{name}: stopped sending pictures after frame {after}{why}")
        lost = time.monotonic()
        if self._left.is_set():
            return
        self._log.lost(f"{name}: lost after frame {after}{why}; trying to get it back")
        if lost - self._reader.began > _WORKED_SECONDS:
            self._wait = FIRST_WAIT
        self._give_up()
        while not self._left.wait(self._wait):
            self._wait = min(2 * self._wait, LONGEST_WAIT)
            self._hanging = [reader for reader in self._hanging if reader.is_alive()]
            if len(self._hanging) >= _MOST_HANGING:
                continue
            self._reader = self._new_reader(frozen)
            if self._left.is_set():  # by another thread, which may not have seen this reader
                self._reader.stop()
                return
            if self._reader.newer_than(0) is not None:
                if self._log.back():
                    logger.warning(f"{name}: back after {time.monotonic() - lost:.0f} s")
                return
            self._log.still_lost()
            self._give_up()

    def _why_silent(self) -> str:
        silent = "opened, but sends no pictures"
        if isinstance(self._source, str) and is_stream(self._source):
            return f"{silent} that can be decoded; let it send H.264 or motion JPEG"
        if is_csi_device(self._source):
            return f"{silent}; it is {NEEDS_PICAMERA2}"
        return f"{silent}; a camera can be open in one program at a time"

    def _new_reader(self, frozen: "_Frozen | None" = None) -> "_Reader":
        return _Reader(
            self._open,
            self.name,
            self._frozen_after,
            steady=self._steady,
            secrets=secrets_of(str(self._source)),
            frozen=frozen,
        )

    def _give_up(self) -> None:
        self._reader.stop()
        self._hanging.append(self._reader)


@dataclass(frozen=True)
class _Frozen:
    """What stood still, in the last frame of an opening."""

    part: Part
    frame: Frame
    seconds: float

    def goes_on_with(self, frame: Frame) -> bool:
        """Whether `frame`, of the next opening, is the frozen picture still."""
        return self.part == "picture" and is_same(frame, self.frame)

    def is_steady_in(self, frame: Frame) -> bool:
        """Whether, by `frame` of the next opening, the part belongs to what the camera sees."""
        return self.part != "picture" and frame.shape == self.frame.shape

    @property
    def why(self) -> str:
        if self.part == "picture":
            return (
                f", the same picture for {self.seconds:g} s (--frozen-after 0 takes one that never "
                f"changes)"
            )
        return f", whose {self.part} stands still for {self.seconds:g} s, as if its size changed"


class _Reader:
    """One opening of a camera. Everything that may hang in a driver happens in its thread."""

    def __init__(
        self,
        open_: Callable[[], Capture],
        name: str,
        frozen_after: float,
        *,
        steady: set[Part],
        secrets: frozenset[str] = frozenset(),
        frozen: _Frozen | None = None,
    ) -> None:
        """Begin.

        Args:
            open_: opens the camera.
            name: of the camera.
            frozen_after: seconds after which what stands still is frozen; 0 for never.
            steady: parts that may stand still; what is found to do so by right is added.
            secrets: of its URL, which errors of libraries may show.
            frozen: how the opening before ended; its picture does not count as one.
        """
        self.began = time.monotonic()
        self.frozen: _Frozen | None = None
        self._open = open_
        self._name = name
        self._frozen_after = frozen_after
        self._steady = steady
        self._secrets = secrets
        self._before = frozen
        self._changed = threading.Condition()
        self._newest: CameraFrame | None = None
        self._last_sign = self.began  # when it last showed a sign of life, monotonic seconds
        self._is_open = False
        self._over = False
        self.error: EdgetlError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()

    def wait_until_open(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_open or self._over, FRAME_SECONDS)
        if self.error:
            raise self.error
        if not self._is_open:
            raise SourceError(f"{quoted(self._name)}: does not answer within {FRAME_SECONDS:g} s")

    def newer_than(self, number: int) -> CameraFrame | None:
        """Wait for a frame after frame `number`; None when none has come for FRAME_SECONDS."""
        with self._changed:
            while self._newest is None or self._newest.number <= number:
                remaining = self._last_sign + FRAME_SECONDS - time.monotonic()
                if self._over or remaining <= 0:
                    return None
                self._changed.wait(remaining)
            return self._newest

    def stop(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify_all()
        # A read that hangs must not keep the process; the thread is a daemon.
        self._thread.join(_RELEASE_SECONDS)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        capture: Capture | None = None
        try:
            capture = self._open()
            self._mark_open()
            self._read(capture)
        except EdgetlError as error:
            self.error = error
        except Exception as error:
            # Drivers and libcamera raise what they like.
            words = masked(" ".join(str(error).split()), self._secrets) or type(error).__name__
            self.error = SourceError(f"{quoted(self._name)}: {words}")
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()
            if capture is not None:
                capture.release()

    def _read(self, capture: Capture) -> None:
        detector = FreezeDetector(self._frozen_after)
        before = self._before
        while not self._over:
            frame = capture.read()
            if frame is None:
                return
            if before and before.goes_on_with(frame):
                continue
            if before and before.is_steady_in(frame):
                self._steady.add(before.part)
            before = None
            if self._frozen_after:
                watched = (part for part in capture.live_parts if part not in self._steady)
                if part := detector.frozen(frame, watched):
                    self.frozen = _Frozen(part, frame, self._frozen_after)
                    return
            self._keep(frame)

    def _mark_open(self) -> None:
        with self._changed:
            self._is_open = True
            self._last_sign = time.monotonic()
            self._changed.notify_all()

    def _keep(self, frame: Frame) -> None:
        with self._changed:
            number = self._newest.number + 1 if self._newest else 1
            self._last_sign = time.monotonic()
            self._newest = CameraFrame(frame, number, self._last_sign)
            self._changed.notify_all()
