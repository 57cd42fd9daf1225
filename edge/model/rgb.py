"""A Pillow image in any mode to RGB pixels: upright, opaque, of 8 bits a sample."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgetl.edge.model.colour_profile import PROFILED_MODES, converted, to_srgb

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

Pixels: TypeAlias = npt.NDArray[np.uint8]

_EXIF_ORIENTATION = 0x0112
# What turns a picture with each EXIF orientation upright; 1 is.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Larger pictures are shrunk before they are copied: each copy of one would be 50 MB and more.
_SHRUNK_FROM = 16_000_000  # pixels
# Modes are converted a strip at a time: 16 bits take eight bytes a sample on the way.
_STRIP = 1_000_000  # pixels

_DEEP = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
_TRANSPARENT = ("RGBA", "LA", "PA", "La", "RGBa")


def rgb(image: Image.Image, *, at_least: int) -> "tuple[Pixels, ImageCmsTransform | None]":
    """RGB pixels, uint8 [height, width, 3], and what makes their colours sRGB, if they are not.

    EXIF orientation is applied, transparency is laid over white, 16-bit samples are scaled to 8,
    and CMYK, grey and palette pictures become RGB.

    Args:
        image: is loaded.
        at_least: what both sides must keep; pictures of 16 megapixels and more may be shrunk to
            twice of it.
    """
    image.load()
    turn = _orientation(image)
    profile = image.info.get("icc_profile")
    factor = 1
    if image.width * image.height > _SHRUNK_FROM:
        factor = max(1, min(image.size) // (2 * at_least))
    if factor > 1 or image.mode not in PROFILED_MODES or "transparency" in image.info:
        image = _flat(image, factor)
    transform = to_srgb(profile, image.mode) if profile else None
    if transform and image.mode != "RGB":
        image, transform = converted(image, transform), None
    if turn in _TURNS:
        image = image.transpose(_TURNS[turn])
    # Pillow's conversion copies a picture that is RGB already: a third of a small JPEG's time.
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB")), transform


def turned_aside(image: Image.Image) -> bool:
    """Whether EXIF turns the picture by 90 degrees, so that its width is its height."""
    return _orientation(image) in (5, 6, 7, 8)


def _orientation(image: Image.Image) -> object:
    # Pillow turns a TIFF itself as it loads it; up to 9.4 it left the tag, to be turned once more.
    return None if image.format == "TIFF" else image.getexif().get(_EXIF_ORIENTATION)


def _flat(image: Image.Image, factor: int) -> Image.Image:
    """The picture in 8 bits, without transparency, its sides divided by `factor`."""
    scale = _scale(image) if image.mode in _DEEP else 1.0
    strips = (_flat_strip(strip, scale, factor) for strip in _strips(image, factor))
    first = next(strips)
    width, height = (-(-side // factor) for side in image.size)
    if first.size == (width, height):
        return first
    flat = Image.new(first.mode, (width, height))
    flat.paste(first, (0, 0))
    top = first.height
    for strip in strips:
        flat.paste(strip, (0, top))
        top += strip.height
    return flat


def _strips(image: Image.Image, factor: int) -> Iterator[Image.Image]:
    """The picture from the top down, in strips whose heights `factor` divides."""
    rows = max(1, _STRIP // (image.width * factor)) * factor
    if rows >= image.height:
        yield image
        return
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _flat_strip(strip: Image.Image, scale: float, factor: int) -> Image.Image:
    if strip.mode in _DEEP:
        samples = np.nan_to_num(np.asarray(strip, dtype=np.float64)) * scale
        strip = Image.fromarray(samples.round().clip(0, 255).astype(np.uint8))
    if strip.mode in _TRANSPARENT or "transparency" in strip.info:
        strip = strip.convert("RGBA")
        white = Image.new("RGBA", strip.size, "white")
        strip = Image.alpha_composite(white, strip)
    if strip.mode not in PROFILED_MODES:
        strip = strip.convert("RGB")
    return strip.reduce(factor) if factor > 1 else strip


def _scale(image: Image.Image) -> float:
    """What makes a sample of 16 bits, or of a float, one of 0 to 255; Pillow would clip it."""
    if image.mode != "F":
        return 1 / 257
    brightest = max(float(np.nan_to_num(np.asarray(s)).max()) for s in _strips(image, 1))
    return 255.0 if brightest <= 1 else 1.0
