"""Pictures with what was found in them: for windows, videos and live views."""

import contextlib
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from edgetl.edge.errors import quoted
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import Picture, Pixels, model_input
from edgetl.edge.results.probability import percent
from edgetl.edge.results.result import Result

_DARK, _WHITE, _FAINT = (0, 0, 0, 150), (255, 255, 255, 255), (255, 255, 255, 70)
_FONT = "DejaVuSans.ttf"
# Left-to-right marks; without Raqm Pillow knows no directions, and would draw them.
_MARK = "\N{LEFT-TO-RIGHT MARK}" if features.check("raqm") else ""
_BARS = 3
_LONGEST_LABEL = 30
_LONGEST_SIDE = 1920
_STILL = (720, 1280)


def shown_size(picture: Picture) -> tuple[int, int]:
    """The height and width in which a picture is shown: a frame's own, a file's 720 x 1280.

    Both are even, which video codecs want, and at most 1920.
    """
    if not isinstance(picture, np.ndarray):
        return _STILL
    height, width = picture.shape[:2]
    scale = min(1.0, _LONGEST_SIDE / max(height, width))
    return max(2, round(height * scale / 2) * 2), max(2, round(width * scale / 2) * 2)


def annotated(result: Result, *, size: tuple[int, int] | None = None) -> Pixels:
    """The picture of a result with its label and the bars of its best classes drawn on it.

    Args:
        size: height and width; a picture of another shape gets black bars. Default: shown_size.

    Returns:
        uint8 [height, width, 3] RGB, never the result's own pixels.

    Raises:
        PictureError: a file cannot be read any more.
    """
    height, width = size or shown_size(result.picture)
    picture = model_input(result.picture, InputSize(height, width, "pad"))
    side = min(height, width)
    large, small = max(12, side // 14), max(9, side // 32)
    bars = result.predictions[:_BARS]
    top = max(0, height - round(1.5 * large + 1.4 * small * len(bars)) - small)
    # Only the part that is drawn on goes through Pillow: that is most of the cost.
    panel = Image.fromarray(picture[top:])
    draw = ImageDraw.Draw(panel, "RGBA")
    draw.rectangle((0, 0, width, height), fill=_DARK)
    draw.text((small, 0), _shown(result.label), font=caption_font(large), fill=_WHITE)
    longest = max(0, width - 2 * small)
    for rank, prediction in enumerate(bars):
        y = round(1.5 * large + 1.4 * small * rank)
        right = small + longest * min(1.0, max(0.0, prediction.probability))
        draw.rectangle((small, y, right, y + round(1.2 * small)), fill=_FAINT)
        text = f"{_shown(prediction.label)} {percent(prediction.probability, digits=0)}"
        draw.text((small + 2, y), text, font=caption_font(small), fill=_WHITE)
    picture[top:] = np.asarray(panel)
    return picture


def _shown(label: str) -> str:
    label = quoted(label)
    cut = label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "…"
    return from_left_to_right(cut)


def from_left_to_right(label: str) -> str:
    """A label to draw with a percentage after it, which one in Arabic would else have before it."""
    return f"{_MARK}{label}{_MARK}"


@lru_cache(maxsize=8)
def caption_font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that labels are drawn in, in pixels."""
    # Pillow's own font has no accents. OpenCV brings this one along on Linux; elsewhere it may be
    # among the system's.
    bundled = Path(cv2.__file__).parent / "qt" / "fonts" / _FONT
    for font in (str(bundled), _FONT):
        with contextlib.suppress(OSError):
            return ImageFont.truetype(font, size)
    return ImageFont.load_default(size)
