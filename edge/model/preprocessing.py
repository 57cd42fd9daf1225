"""The one path from encoded bytes or a camera frame to the model's input.

Training, calibration, parity checks, benchmarks and the device all call `model_input`, so the
pixels a model is trained on and the pixels it is asked about cannot drift apart.
"""

import io
import warnings
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from edgetl.edge.errors import PictureError, quoted, reason
from edgetl.edge.model.input_size import InputSize

# Pillow warns about odd EXIF blocks and very large pictures, then reads them all the same. Not
# caught around each call: Python's warning filters belong to the process, and we decode in threads.
warnings.filterwarnings("ignore", module=r"PIL\.")

Pixels: TypeAlias = npt.NDArray[np.uint8]
Picture: TypeAlias = str | Path | bytes | Image.Image | Pixels

# Part of the key of every cache of preprocessed pixels: raise it when the pixels change.
PREPROCESSING_VERSION = 5

EXIF_ORIENTATION = 0x0112


def model_input(picture: Picture, input_size: InputSize) -> Pixels:
    """Turn any picture into the model's input.

    Args:
        picture: a path; encoded bytes (JPEG, PNG, GIF, WebP, BMP, TIFF, ...); a Pillow image; or
            pixels, uint8 [height, width, 3] in RGB order.
        input_size: the size and resize mode of the result.

    Returns:
        uint8 [input_size.height, input_size.width, 3], RGB, 0..255.

    Raises:
        PictureError: the file cannot be read, is no picture, is cut off, or the array has another
            shape or dtype.
    """
    if isinstance(picture, np.ndarray):
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
    return _fit(_decode(picture, at_least=max(input_size.height, input_size.width)), input_size)


def _decode(picture: str | Path | bytes | Image.Image, *, at_least: int) -> Pixels:
    """RGB pixels, uint8 [height, width, 3], both sides at least `at_least` if the picture has them.

    EXIF orientation is applied, transparency is laid over white, 16-bit samples are scaled to 8,
    CMYK, grey and palette pictures become RGB, and of an animation the first frame is taken.
    """
    try:
        if isinstance(picture, Image.Image):
            return _rgb(picture)
        source = io.BytesIO(picture) if isinstance(picture, bytes) else picture
        with Image.open(source) as image:
            # A JPEG decodes at 1/2, 1/4 or 1/8 size in a fraction of the time, and what is left out
            # are the frequencies that shrinking would remove. Pillow takes the smallest that has
            # this many pixels on both sides.
            image.draft(None, (at_least, at_least))
            return _rgb(image)
    except UnidentifiedImageError:
        raise PictureError(f"{_name(picture)}: not a picture that can be read") from None
    except Image.DecompressionBombError:
        raise PictureError(
            f"{_name(picture)}: has more pixels than can be decoded safely; make it smaller"
        ) from None
    except OSError as error:
        # Pillow reports damaged data as OSError too, but without an error number.
        words = reason(error) if error.errno else f"damaged picture ({error})"
        raise PictureError(f"{_name(picture)}: {words}") from error
    except Exception as error:
        # On damaged files Pillow's decoders and its EXIF code raise almost anything: SyntaxError
        # (PNG), struct.error (EXIF), RuntimeError (AVIF), NotImplementedError (DDS), ...
        words = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(f"{_name(picture)}: damaged picture ({words})") from error


def _name(picture: str | Path | bytes | Image.Image) -> str:
    return quoted(picture) if isinstance(picture, str | Path) else "picture"


def _rgb(image: Image.Image) -> Pixels:
    # Pillow turns a TIFF itself as it loads it; up to 9.4 it left the tag, to be turned once more.
    if image.format != "TIFF":
        image.load()
        if image.getexif().get(EXIF_ORIENTATION, 1) != 1:
            from PIL import ImageOps  # here, since loading it takes longer than most pictures do

            image = ImageOps.exif_transpose(image)
    if image.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I", "F"):
        image = _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    # Pillow's conversion copies a picture that is RGB already, as its turning copies one that is
    # upright: a third of the time that a small JPEG takes.
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit (and wider) grey to 8 bits by scaling; Pillow's own conversion would clip at 255."""
    samples = np.nan_to_num(np.asarray(image, dtype=np.float64))
    if image.mode != "F":
        samples = samples / 257
    elif samples.size and samples.max() <= 1:
        samples = samples * 255
    return Image.fromarray(samples.round().clip(0, 255).astype(np.uint8))


def _fit(pixels: Pixels, input_size: InputSize) -> Pixels:
    height, width = pixels.shape[:2]
    if input_size.resize_mode == "stretch":
        return _resize(pixels, input_size.height, input_size.width)
    across, down = input_size.width / width, input_size.height / height
    if input_size.resize_mode == "crop":
        scale = max(across, down)
        keep_height = min(height, max(1, round(input_size.height / scale)))
        keep_width = min(width, max(1, round(input_size.width / scale)))
        top, left = (height - keep_height) // 2, (width - keep_width) // 2
        middle = pixels[top : top + keep_height, left : left + keep_width]
        return _resize(middle, input_size.height, input_size.width)
    scale = min(across, down)
    fitted_height = min(input_size.height, max(1, round(height * scale)))
    fitted_width = min(input_size.width, max(1, round(width * scale)))
    canvas = np.zeros((input_size.height, input_size.width, 3), np.uint8)
    top, left = (input_size.height - fitted_height) // 2, (input_size.width - fitted_width) // 2
    canvas[top : top + fitted_height, left : left + fitted_width] = _resize(
        pixels, fitted_height, fitted_width
    )
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
