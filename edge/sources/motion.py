"""Whether something moves before a camera, found at little cost."""

import time
from collections.abc import Iterable, Iterator

import cv2
import numpy as np
import numpy.typing as npt

from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.sources.files import Problem
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

    A frame is compared with a running average of the frames before, at a size of about 100 pixels,
    in grey, blurred; a change in brightness of all of it alike does not count. The first frame, and
    those of a second after the last motion, pass too. Looking takes a twentieth of one core at
    most: of a live camera on a slow device not every frame is looked at, and the last answer holds
    for the others. Problems and frames left out before pass through.

    Args:
        items: frames of one camera, stream or video.
        share: of the pixels that must have changed, more than 0 and at most 1.
        clock: of these frames.
    """
    background: npt.NDArray[np.float32] | None = None
    moved = learned = free = float("-inf")
    for item in items:
        if item is None or isinstance(item, Problem):
            yield item
            continue
        assert isinstance(item.picture, np.ndarray)
        now, began = clock(item), time.perf_counter()
        if began >= free:
            seen = _small(item.picture)
            if background is None or background.shape != seen.shape:
                background, moved = seen, now
            elif changed_share(seen, background) >= share:
                moved = now
            if now - learned >= _LEARN_SECONDS:
                background = background + _LEARNED * (seen - background)
                learned = now
            if item.arrived is not None:
                free = began + (time.perf_counter() - began) / _SHARE_OF_CORE
        yield item if now - moved <= _AFTER_SECONDS else None


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
