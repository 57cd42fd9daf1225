"""Whether something moves before a camera, found at little cost."""

import time
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.sources.per_source import PerSource
from edgetl.edge.sources.spacing import Clock, Frame

# Each n-th pixel is looked at, so that the shorter side has about so many.
_SIDE = 100
# Grey values, of 255, from which on a pixel has changed. Below lie a sensor's noise, of which the
# blur leaves little, and the flicker of compression.
_CHANGED = 25
# Of what is seen, a picture that is compared takes in so much: what stays still for some seconds
# has become the background.
_LEARNED = 0.05
_LEARN_SECONDS = 0.1
# What has moved may have arrived: so long a frame is classified after the last motion.
_AFTER_SECONDS = 1.0
# The most that looking may take of one core.
_SHARE_OF_CORE = 0.05


def moving(items: Iterable[Frame], share: float, *, clock: Clock) -> Iterator[Frame]:
    """The frames in which something moves, and None for each in which nothing does.

    A frame is compared with a running average of the frames of its source before, at a size of
    about 100 pixels, in grey, blurred; a change in brightness of all of it alike does not count.
    The first frame, and those of a second after the last motion, pass too. Looking takes a
    twentieth of one core at most, for each source: of a live camera on a slow device not every
    frame is looked at, and the last answer holds for the others. Problems and frames left out
    before pass through.

    Args:
        items: frames of cameras, their parts, or videos.
        share: of the pixels that must have changed, more than 0 and at most 1.
        clock: of these frames.
    """
    detectors = PerSource(lambda: _Detector(share))
    for item in items:
        if item is None or isinstance(item, Problem):
            yield item
        else:
            yield item if detectors.of(item).moves(item, now=clock(item)) else None


class _Detector:
    """Whether something moves in the frames of one source."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._background: npt.NDArray[np.float32] | None = None
        # Seconds of the clock, and of this thread's time.
        self._moved = self._learned = self._free = float("-inf")

    def moves(self, item: Item, *, now: float) -> bool:
        began = time.perf_counter()
        if began >= self._free:
            assert isinstance(item.picture, np.ndarray)
            self._look(_small(item.picture), now)
            if item.arrived is not None:
                self._free = began + (time.perf_counter() - began) / _SHARE_OF_CORE
        return now - self._moved <= _AFTER_SECONDS

    def _look(self, seen: npt.NDArray[np.float32], now: float) -> None:
        background = self._background
        if background is None or background.shape != seen.shape:
            background, self._moved = seen, now
        elif changed_share(seen, background) >= self._share:
            self._moved = now
        if now - self._learned >= _LEARN_SECONDS:
            background = background + _LEARNED * (seen - background)
            self._learned = now
        self._background = background


def changed_share(seen: npt.NDArray[np.float32], background: npt.NDArray[np.float32]) -> float:
    """The share of pixels, 0..1, that differ by more than the picture as a whole does.

    Args:
        seen, background: float32 [height, width], grey values of 0..255.
    """
    difference = seen - background
    return float((np.abs(difference - np.median(difference)) > _CHANGED).mean())


def _small(picture: Pixels) -> npt.NDArray[np.float32]:
    step = max(1, min(picture.shape[:2]) // _SIDE)
    # Green carries most of the brightness; to convert would cost more than all the rest.
    grey = np.ascontiguousarray(picture[::step, ::step, 1])
    return np.asarray(cv2.blur(grey, (3, 3)), np.float32)
