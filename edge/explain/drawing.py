"""The picture that explains: the photo, beside it where the class is seen, below it the numbers."""

import numpy as np
from PIL import Image, ImageDraw

from edgetl.edge.errors import quoted
from edgetl.edge.explain.explainer import Explanation, over_picture
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import Pixels, seen_region
from edgetl.edge.results.activation_map import overlaid
from edgetl.edge.results.annotate import caption_font, from_left_to_right
from edgetl.edge.results.probability import percent

# Of the photo, in pixels.
LONGEST_SIDE = 640
_NARROWEST = 320
_LINE = 26
_TEXT = 17
_MARGIN = 12
_WHITE, _BLACK, _FAINT = (255, 255, 255), (24, 27, 31), (96, 103, 112)
# How white that is which the model does not see.
_UNSEEN = 0.6
_LEGEND = "orange: for it; blue: against it"


def drawn(explanation: Explanation, photo: Pixels, input_size: InputSize) -> Pixels:
    """The photo, the same under its evidence, and a caption.

    Args:
        explanation: of this photo.
        photo: uint8 [height, width, 3] RGB.
        input_size: the model's.

    Returns:
        uint8 [height + caption, 2 * width + gap, 3] RGB.
    """
    height, width = photo.shape[:2]
    evidence = over_picture(explanation.evidence, input_size, height, width)
    under = overlaid(photo, evidence)
    seen = seen_region(height, width, input_size)
    explained = np.asarray(_UNSEEN * 255 + (1 - _UNSEEN) * under, np.uint8)
    seen.of(explained)[:] = seen.of(under)
    column = max(width, _NARROWEST)
    all_seen = seen.height * seen.width == height * width
    across = 2 * column + _MARGIN
    lines = _caption(explanation, all_seen=all_seen, room=across - 2 * _MARGIN)
    size = (across, height + _LINE * len(lines) + _MARGIN)
    sheet = Image.new("RGB", size, _WHITE)
    for left, picture in ((0, photo), (column + _MARGIN, explained)):
        sheet.paste(Image.fromarray(picture), (left + (column - width) // 2, 0))
    pen = ImageDraw.Draw(sheet)
    for number, (text, colour) in enumerate(lines):
        top = height + _MARGIN // 2 + _LINE * number
        font = caption_font(_TEXT)
        pen.text((_MARGIN, top), text, font=font, fill=colour)
    return np.asarray(sheet)


def _caption(
    explanation: Explanation, *, all_seen: bool, room: int
) -> list[tuple[str, tuple[int, int, int]]]:
    """The lines below, each with its colour, and no wider than `room` pixels."""
    best, shown = explanation.predictions[0], explanation.shown
    answer = _line("", best.label, f" {percent(best.probability)}", room)
    share = "" if shown.index == best.index else f" ({percent(shown.probability)})"
    evidence = _line("evidence for ", shown.label, share, room)
    lines = [(answer, _BLACK), (evidence, _FAINT), (_LEGEND, _FAINT)]
    return lines if all_seen else [*lines, ("pale: outside what the model takes", _FAINT)]


def _line(before: str, label: str, after: str, room: int) -> str:
    """A line with a label in it, which is cut where it would be too wide."""
    text, cut = f"{before}{from_left_to_right(quoted(label))}{after}", quoted(label)
    while cut and caption_font(_TEXT).getlength(text) > room:
        cut = cut[:-1]
        text = f"{before}{from_left_to_right(cut)}\N{HORIZONTAL ELLIPSIS}{after}"
    return text
