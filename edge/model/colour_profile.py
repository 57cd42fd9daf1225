"""Colours of another space, by the ICC profile that a picture holds, to sRGB.

Phones save photos in Display P3, some cameras in Adobe RGB. Taken as sRGB, as most training data
is, they would look paler than the same things in other photos.
"""

import io
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from edgetl.edge.system.messages import logger

# Loaded with the first picture that has a profile: few have one.
if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

# The modes with profiles, each with what a profile of it says it is for.
PROFILED_MODES = {"RGB": b"RGB ", "L": b"GRAY", "CMYK": b"CMYK"}
# A profile that changes no colour by more is sRGB: there are dozens, rounded differently.
_SAME_COLOUR = 4
# As LittleCMS has it; Pillow has its name from 10.3 on.
_BLACK_POINT_COMPENSATION = 0x2000


@lru_cache(maxsize=32)
def to_srgb(profile: bytes, mode: str) -> "ImageCmsTransform | None":
    """What makes a picture's colours sRGB; None where they are already, or nobody can tell.

    Threads may share it: LittleCMS allows that.

    Args:
        profile: an ICC profile.
        mode: the picture's, one of PROFILED_MODES; a profile that is not for it is ignored.
    """
    if profile[16:20] != PROFILED_MODES[mode]:
        return None
    from PIL import ImageCms

    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            _BLACK_POINT_COMPENSATION,  # type: ignore[arg-type]
        )
    except (ImportError, OSError, ValueError, ImageCms.PyCMSError):
        logger.warning("the colour profile of a picture is damaged: its colours are taken as sRGB")
        return None
    return transform if mode == "CMYK" or _changes_colours(transform, mode) else None


def converted(image: Image.Image, transform: "ImageCmsTransform") -> Image.Image:
    """The picture in RGB, its colours sRGB. Its size stays."""
    from PIL import ImageCms

    changed = ImageCms.applyTransform(image, transform)
    assert changed is not None  # only where it changes the picture itself
    return changed


def _changes_colours(transform: "ImageCmsTransform", mode: str) -> bool:
    if mode == "L":
        colours = Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])
    else:
        levels = np.linspace(0, 255, 9).round().astype(np.uint8)
        every = np.stack(np.meshgrid(levels, levels, levels), -1)
        colours = Image.fromarray(every.reshape(9, 81, 3))
    before = np.asarray(colours.convert("RGB"), int)
    after = np.asarray(converted(colours, transform), int)
    return bool(abs(after - before).max() > _SAME_COLOUR)
