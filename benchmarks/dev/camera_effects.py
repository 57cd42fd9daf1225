"""What cameras and people do to a photo: the near-copies of `near_copies` and `bursts`."""

import io
from collections.abc import Callable, Mapping

import cv2
import numpy as np
from PIL import Image

from edgetl.edge.model.preprocessing import Pixels

Effect = Callable[[Pixels, np.random.Generator], Pixels]


def moved(picture: Pixels, *, shift: tuple[float, float], degrees: float, zoom: float) -> Pixels:
    """Shifted by shares of width and height, rotated and enlarged, the edges mirrored."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, zoom)
    matrix = matrix + np.array([[0, 0, shift[0] * width], [0, 0, shift[1] * height]])
    mode = cv2.BORDER_REFLECT
    return np.asarray(cv2.warpAffine(picture, matrix, (width, height), borderMode=mode), np.uint8)


def cropped(picture: Pixels, random: np.random.Generator, most: float) -> Pixels:
    """Without up to a share of each side."""
    height, width = picture.shape[:2]
    top, left, bottom, right = random.uniform(0, most, 4)
    rows = slice(int(top * height), height - int(bottom * height))
    return picture[rows, int(left * width) : width - int(right * width)]


def lit(picture: Pixels, random: np.random.Generator, most: float) -> Pixels:
    """With up to a share more or less contrast, and up to 100 times it in grey values brighter."""
    gain, more = 1 + random.uniform(-most, most), random.uniform(-100 * most, 100 * most)
    return np.clip((picture - 128.0) * gain + 128 + more, 0, 255).astype(np.uint8)


def noisy(picture: Pixels, random: np.random.Generator, deviation: float) -> Pixels:
    """With normal noise of that many grey values."""
    noise = random.normal(0, deviation, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def passed_by(picture: Pixels, random: np.random.Generator, share: float) -> Pixels:
    """With an ellipse somewhere, of that share of the shorter side."""
    height, width = picture.shape[:2]
    axis = max(2, int(min(height, width) * share / 2))
    centre = int(random.integers(axis, width - axis)), int(random.integers(axis, height - axis))
    colour = [int(value) for value in random.integers(0, 256, 3)]
    angle = float(random.uniform(0, 180))
    changed = picture.copy()
    cv2.ellipse(changed, centre, (axis, axis * 2 // 3), angle, 0, 360, colour, -1)
    return changed


def recompressed(picture: Pixels, quality: int) -> Pixels:
    """As JPEG of that quality."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def frame(picture: Pixels, random: np.random.Generator) -> Pixels:
    """Another frame of a hand-held burst, with something that passes by."""
    shift = tuple(random.uniform(-0.03, 0.03, 2))
    steady = moved(
        picture, shift=shift, degrees=random.uniform(-2, 2), zoom=random.uniform(1, 1.05)
    )
    return noisy(lit(passed_by(steady, random, 0.2), random, 0.15), random, 5)


EFFECTS: Mapping[str, Effect] = {
    "JPEG of quality 30": lambda picture, _: recompressed(picture, 30),
    "resized to 0.3": lambda picture, _: np.asarray(
        cv2.resize(picture, None, fx=0.3, fy=0.3, interpolation=cv2.INTER_AREA), np.uint8
    ),
    "mirrored": lambda picture, _: picture[:, ::-1],
    "cropped by up to 4 % a side": lambda picture, random: cropped(picture, random, 0.04),
    "mirrored, cropped, JPEG of quality 50": lambda picture, random: recompressed(
        cropped(picture[:, ::-1], random, 0.05), 50
    ),
    "shifted by 3 %": lambda picture, _: moved(picture, shift=(0.03, 0.02), degrees=0, zoom=1),
    "shifted by 6 %": lambda picture, _: moved(picture, shift=(-0.06, 0.0), degrees=0, zoom=1),
    "rotated by 3 degrees": lambda picture, _: moved(picture, shift=(0, 0), degrees=3, zoom=1),
    "other light": lambda picture, random: lit(picture, random, 0.25),
    "noise of 12 grey values": lambda picture, random: noisy(picture, random, 12),
    "two passers-by": lambda picture, random: passed_by(
        passed_by(picture, random, 0.2), random, 0.2
    ),
    "frame of a burst": frame,
}
