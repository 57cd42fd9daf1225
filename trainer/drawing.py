"""What all figures are drawn with: their colours, fonts and measures, in inches.

They use Matplotlib's Figure alone, never pyplot, which keeps every figure it makes alive and picks
a window system.
"""

import functools
import warnings

from matplotlib import font_manager
from matplotlib.figure import Figure

DPI = 120
INK = "#1f2937"
FAINT = "#6b7280"
GRID = "#e5e7eb"
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
LONGEST_LABEL = 24
_OTHER_SCRIPTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "PingFang SC", "Hiragino Sans"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Noto Sans Devanagari", "Arial Unicode MS"),
)


def blank(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, on white."""
    return Figure(figsize=(width, height), dpi=DPI, facecolor="white")


@functools.cache
def families() -> list[str]:
    """Fonts for a user's own words: Matplotlib's, then what is installed for other scripts."""
    installed = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(font for font in _OTHER_SCRIPTS if font in installed)]


def inches(text: str, size: float) -> float:
    """How wide `text` is, its widest line if it has several."""
    words = blank(1, 1).text(0, 0, text, fontsize=size, parse_math=False, family=families())
    with warnings.catch_warnings():
        # A letter no font has is drawn as a box, and warned of once more when that happens.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        return float(words.get_window_extent().width) / DPI


def shortened(text: str, most: int) -> str:
    """`text` on one line of at most so many characters."""
    words = " ".join(text.split())
    return words if len(words) <= most else words[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def fitted(text: str, size: float, room: float) -> str:
    """`text` on one line, cut where it is wider than `room` inches."""
    most = LONGEST_LABEL
    while most > 1 and inches(shortened(text, most), size) > room:
        most -= 1
    return shortened(text, most)


def share(
    figure: Figure, x: float, y: float, width: float, height: float
) -> tuple[float, float, float, float]:
    """A rectangle in inches as the shares of the figure that add_axes takes."""
    whole, tall = figure.get_figwidth(), figure.get_figheight()
    return x / whole, y / tall, width / whole, height / tall
