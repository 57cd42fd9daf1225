"""What speaks against a photo for training: dark, bright, blurred, or like one before."""

from collections import deque
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgetl.edge.model.preprocessing import Pixels

DARK, BRIGHT, BLURRED, ALIKE = "dark", "overexposed", "blurred", "like one before"

# Of the mean grey value, 0..255.
_DARKEST, _BRIGHTEST = 30, 248
# Photos are looked at in this width, in pixels.
_WIDTH = 320
# Of the ratio below: docs/collect.md has how many sharp and blurred photos lie on each side.
_SHARPEST_BLURRED = 0.22
_SIDE = 32
# The correlation of two photos, 32x32 and grey, from which they are near-copies.
_ALIKE = 0.97
_REMEMBERED = 200


def looks_of(pixels: Pixels) -> list[str]:
    """What is wrong with how a photo looks, uint8 [height, width, 3] RGB; empty if nothing."""
    height, width = pixels.shape[:2]
    size = (_WIDTH, max(8, round(height * _WIDTH / width)))
    grey = cv2.cvtColor(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    mean = float(grey.mean())
    if mean < _DARKEST:
        return [DARK]
    if mean > _BRIGHTEST:
        return [BRIGHT]
    return [BLURRED] if sharpness(grey) < _SHARPEST_BLURRED else []


def sharpness(grey: npt.NDArray[Any]) -> float:
    """How much of a picture's detail another blur takes away, 0..1: little of a blurred one.

    The idea of Crete et al., "The blur effect" (SPIE 6492, 2007), with gradients in both
    directions. What a picture shows matters less than with the variance of the Laplacian.
    """
    exact = grey.astype(np.float32)
    before, after = (_gradients(one) for one in (exact, cv2.GaussianBlur(exact, (0, 0), 1.5)))
    # Motion blurs in one direction.
    return float(np.min(1 - after / np.maximum(before, 1e-3)))


def _gradients(grey: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The root mean square of the differences down and across."""
    return np.array([np.sqrt(np.mean(np.diff(grey, axis=axis) ** 2)) for axis in (0, 1)])


def likeness(pixels: Pixels) -> npt.NDArray[np.float32]:
    """What is compared of a photo, 32x32 and grey: the product of two is their correlation.

    Args:
        pixels: uint8 [height, width, 3] RGB.

    Returns:
        float32 [1024], of mean 0 and length 1; of length 0 where the photo has one colour.
    """
    small = cv2.resize(pixels, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32).ravel()
    grey -= grey.mean()
    return np.asarray(grey / max(float(np.linalg.norm(grey)), 1e-6), np.float32)


class Earlier:
    """The last photos of a class, to tell that another is like one of them."""

    def __init__(self) -> None:
        self._seen: deque[npt.NDArray[np.float32]] = deque(maxlen=_REMEMBERED)

    def is_alike(self, pixels: Pixels) -> bool:
        """Whether a photo is like one before; it is remembered either way."""
        unit = likeness(pixels)
        alike = any(float(unit @ one) > _ALIKE for one in self._seen)
        self._seen.append(unit)
        return alike
