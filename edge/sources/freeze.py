"""Whether a camera's picture stands still, wholly or in a part, as no live picture does.

OpenCV 4.7 to 4.12 go on in the size that a stream began with. Where it grows, as from night to day,
they give its last frame again and again. Where it gets lower, the new picture covers the upper part
of the old one. Where it only gets narrower, it is sheared, and nothing tells it from a picture.
"""

import time
from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Part: TypeAlias = Literal["picture", "lower edge"]

KEEPS_FIRST_SIZE = (4, 7) <= tuple(map(int, cv2.__version__.split(".")[:2])) < (4, 13)

# Most frames differ in every pixel of noise: this one of 256 is enough to see it.
_STEP = 16

_Frame: TypeAlias = npt.NDArray[Any]


def is_same(frame: _Frame, other: _Frame) -> bool:
    """Whether two frames are the same to the bit."""
    if frame.shape != other.shape:
        return False
    sampled = np.array_equal(frame[::_STEP, ::_STEP], other[::_STEP, ::_STEP])
    return sampled and np.array_equal(frame, other)


class FreezeDetector:
    """Finds what stands still for too long, frame by frame."""

    def __init__(self, seconds: float) -> None:
        """`seconds` is how long is too long, above 0."""
        self._seconds = seconds
        self._before: _Frame | None = None
        self._since: dict[Part, float] = {}

    def frozen(self, frame: _Frame, parts: Iterable[Part]) -> Part | None:
        """The one of `parts` that has not changed for too long, now that `frame` is there."""
        now = time.monotonic()
        before, self._before = self._before, frame
        for part in parts:
            if before is None or not _stands_still(part, frame, before):
                self._since[part] = now
            elif now - self._since.setdefault(part, now) >= self._seconds:
                return part
        return None


def _stands_still(part: Part, frame: _Frame, before: _Frame) -> bool:
    if part == "picture":
        return is_same(frame, before)
    # A black bar stands still by right.
    return np.array_equal(frame[-1], before[-1]) and bool((frame[-1] != frame[-1, 0]).any())
