"""The one path from encoded bytes or a camera frame to the model's input.

Training, calibration, parity checks, benchmarks and the device all call `model_input`, so the
pixels a model is trained on and the pixels it is asked about cannot drift apart.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from edgetl.edge.errors import PictureError
from edgetl.edge.model.colour_profile import converted
from edgetl.edge.model.decoding import EncodedPicture, decode, upright_size
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.rgb import Pixels as Pixels

Picture: TypeAlias = EncodedPicture | Pixels

# Part of the key of every cache of preprocessed pixels: raise it when the pixels change.
PREPROCESSING_VERSION = 6


def model_input(picture: Picture, input_size: InputSize) -> Pixels:
    """Turn any picture into the model's input.

    Args:
        picture: a path; encoded bytes (JPEG, PNG, HEIC, GIF, WebP, BMP, TIFF, ...); a Pillow
            image; or pixels, uint8 [height, width, 3] in RGB order.
        input_size: the size and resize mode of the result.

    Returns:
        uint8 [input_size.height, input_size.width, 3], RGB, 0..255.

    Raises:
        PictureError: see `decode`; or the array has another shape or dtype.
    """
    if isinstance(picture, np.ndarray):
        return _frame_input(picture, input_size)
    return model_input_and_size(picture, input_size)[0]


def model_input_and_size(
    picture: EncodedPicture, input_size: InputSize
) -> tuple[Pixels, tuple[int, int]]:
    """The model's input (see `model_input`), and the upright picture's own (width, height)."""
    decoded = decode(picture, at_least=max(input_size.height, input_size.width))
    pixels = _fit(decoded.pixels, input_size)
    if decoded.to_srgb:
        pixels = np.asarray(converted(Image.fromarray(pixels), decoded.to_srgb))
    return pixels, decoded.size


def _frame_input(picture: Pixels, input_size: InputSize) -> Pixels:
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise PictureError(
            f"pixels must be uint8 [height, width, 3] in RGB order, "
            f"not {picture.dtype} {list(picture.shape)}"
        )
    if 0 in picture.shape:
        raise PictureError(f"an array of shape {list(picture.shape)} holds no pixels")
    if picture.strides[2] == -1:
        # A BGR frame looked at as RGB. Each channel is resized by itself, so the numbers are
        # the same when the few pixels of the result are swapped and not the frame's.
        fitted = _fit(picture[..., ::-1], input_size)
        return np.asarray(cv2.cvtColor(fitted, cv2.COLOR_BGR2RGB), np.uint8)
    return _fit(picture, input_size)


def size_within(picture: Path | bytes | Pixels, longest: int) -> InputSize:
    """The size of a picture, upright, that is shown at most so many pixels long.

    Args:
        picture: a file, encoded bytes, or uint8 [height, width, 3] RGB.
        longest: of its sides, in pixels.

    Raises:
        PictureError: the file cannot be read.
    """
    if isinstance(picture, np.ndarray):
        height, width = picture.shape[:2]
    else:
        width, height = upright_size(picture)
    scale = min(1.0, longest / max(height, width))
    return InputSize(max(1, round(height * scale)), max(1, round(width * scale)))


@dataclass(frozen=True)
class Region:
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    def of(self, picture: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """That part of an array [height, width, ...], as a view."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]


def seen_region(height: int, width: int, input_size: InputSize) -> Region:
    """The part of a picture of this size that the model sees: all of it, but with "crop"."""
    if input_size.resize_mode != "crop":
        return Region(0, 0, height, width)
    scale = max(input_size.width / width, input_size.height / height)
    kept_height = min(height, max(1, round(input_size.height / scale)))
    kept_width = min(width, max(1, round(input_size.width / scale)))
    return Region((height - kept_height) // 2, (width - kept_width) // 2, kept_height, kept_width)


def filled_region(height: int, width: int, input_size: InputSize) -> Region:
    """The part of the model's input that a picture of this size fills: all, but with "pad"."""
    if input_size.resize_mode != "pad":
        return Region(0, 0, input_size.height, input_size.width)
    scale = min(input_size.width / width, input_size.height / height)
    filled_height = min(input_size.height, max(1, round(height * scale)))
    filled_width = min(input_size.width, max(1, round(width * scale)))
    top, left = (input_size.height - filled_height) // 2, (input_size.width - filled_width) // 2
    return Region(top, left, filled_height, filled_width)


def _fit(pixels: Pixels, input_size: InputSize) -> Pixels:
    height, width = pixels.shape[:2]
    filled = filled_region(height, width, input_size)
    seen = seen_region(height, width, input_size).of(pixels)
    fitted = _resize(seen, filled.height, filled.width)
    if input_size.resize_mode != "pad":
        return fitted
    canvas = np.zeros((input_size.height, input_size.width, 3), np.uint8)
    filled.of(canvas)[:] = fitted
    return canvas


def _resize(pixels: Pixels, height: int, width: int) -> Pixels:
    """Interpolate a side that is too long to twice the size asked for, and then halve it.

    So a pixel of the result is the mean of two by two interpolated ones, which does not alias and
    takes less time than a mean over the area (docs/recipes.md has the accuracy of each). A
    side more than four times too long is halved before, since bilinear interpolation leaves pixels
    out where it shrinks to less than half.
    """
    rows, columns = pixels.shape[:2]
    while rows > 4 * height or columns > 4 * width:
        rows = (rows + 1) // 2 if rows > 4 * height else rows
        columns = (columns + 1) // 2 if columns > 4 * width else columns
        pixels = _interpolated(pixels, rows, columns)
    twice = _interpolated(
        pixels, 2 * height if rows > height else height, 2 * width if columns > width else width
    )
    return _interpolated(twice, height, width)


def _interpolated(pixels: Pixels, height: int, width: int) -> Pixels:
    if pixels.shape[:2] == (height, width):
        return pixels
    # INTER_LINEAR takes less time, but OpenCV 5 has kernels of ARM's own for it (KleidiCV), which
    # give a third of the pixels another value than everywhere else.
    resized = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR_EXACT)
    return resized.astype(np.uint8, copy=False)
