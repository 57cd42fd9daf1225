"""What all figures are drawn with: their colours, fonts and measures, in inches.

They use Matplotlib's Figure alone, never pyplot, which keeps every figure it makes alive and picks
a window system.
"""

import functools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure

from edgetl.edge.system.files import replacing

DPI = 120
INK = "#1f2937"
FAINT = "#6b7280"
GRID = "#e5e7eb"
_NOTHING = "#9ca3af"
PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
LONGEST_LABEL = 24
# Beyond these many classes the cells are too small for a share, and then for a count.
SHARES_UP_TO = 12
COUNTS_UP_TO = 30
_NAMED_IN_TITLE = 4
_LONGEST_IN_TITLE = 33
# Inches a label's line takes; where classes are closer together only every so many is named.
_TICK_ROOM = 0.115
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


def any_text() -> dict[str, Any]:
    """What Matplotlib is to do with a user's own words: nothing special."""
    return {"parse_math": False, "family": families()}


def inches(text: str, size: float) -> float:
    """How wide `text` is, its widest line if it has several."""
    words = blank(1, 1).text(0, 0, text, fontsize=size, **any_text())
    with _no_word_of_boxes():
        return float(words.get_window_extent().width) / DPI


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with _no_word_of_boxes(), replacing(path) as temporary:
        figure.savefig(temporary, format="png")


@contextmanager
def _no_word_of_boxes() -> Iterator[None]:
    """A letter that no font here has is drawn as a box, of which Matplotlib warns each time."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def shortened(text: str, most: int) -> str:
    """`text` on one line of at most so many characters."""
    words = " ".join(text.split())
    return words if len(words) <= most else words[: most - 1] + "\N{HORIZONTAL ELLIPSIS}"


def short_name(labels: Sequence[str]) -> str:
    """What a model of these classes is called in a title: by the first few of them."""
    named = ", ".join(shortened(label, _LONGEST_IN_TITLE) for label in labels[:_NAMED_IN_TITLE])
    more = len(labels) - _NAMED_IN_TITLE
    return f"{named} and {more} more" if more > 0 else named


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


def style(axes: Axes) -> None:
    """A plain plot: a grid behind the data, no frame but two thin lines, no ticks."""
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.tick_params(which="both", length=0, colors=FAINT)


def matrix(
    labels: Sequence[str], values: npt.NDArray[Any], *, title: str, **how: Any
) -> tuple[Figure, Axes, Colorbar]:
    """A matrix of true classes by predicted ones, its axes, and the colour bar beside it.

    `values` is [classes, classes], rows the true class, columns the predicted one; `how` is what
    imshow takes: the colours and their range.
    """
    classes = len(labels)
    names = [shortened(label, LONGEST_LABEL) for label in labels]
    size = 9.5 if classes <= SHARES_UP_TO else 7.5
    cell = 0.95 if classes <= 5 else 0.68 if classes <= SHARES_UP_TO else 0.34
    grid = max(min(cell * classes, 9.5), 2.6)
    longest = inches("\n".join(names), size)
    # A label wider than its column stands upright.
    upright = longest > grid / classes * 0.92
    left, right, top = longest + 0.5, 1.05, 0.55
    bottom = (longest if upright else 0.18) + 0.5
    wide = max(left + grid + right, inches(title, 13) + 0.4)
    figure = blank(wide, bottom + grid + top)
    start = (figure.get_figwidth() - left - grid - right) / 2 + left
    axes = figure.add_axes(share(figure, start, bottom, grid, grid))
    ticks = range(0, classes, math.ceil(_TICK_ROOM / (grid / classes)))
    named = [names[tick] for tick in ticks]
    plain = any_text()
    axes.set_xticks(ticks, named, rotation=90 if upright else 0, fontsize=size, **plain)
    axes.set_yticks(ticks, named, fontsize=size, **plain)
    axes.tick_params(length=0, colors=INK)
    axes.set_xlabel("predicted", color=FAINT, fontsize=10)
    axes.set_ylabel("true", color=FAINT, fontsize=10)
    axes.spines[:].set_color(GRID)
    if classes <= COUNTS_UP_TO:
        axes.set_xticks(np.arange(classes - 1) + 0.5, minor=True)
        axes.set_yticks(np.arange(classes - 1) + 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5)
        axes.tick_params(which="minor", length=0)
    above = 1 - 0.28 / figure.get_figheight()
    figure.text(0.5, above, title, ha="center", va="center", fontsize=13, color=INK, **plain)
    bar_axes = figure.add_axes(share(figure, start + grid + 0.18, bottom, 0.14, grid))
    bar = figure.colorbar(axes.imshow(values, interpolation="nearest", **how), cax=bar_axes)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8.5, colors=FAINT)
    return figure, axes, bar


def write_cells(
    axes: Axes,
    counts: npt.NDArray[np.integer[Any]],
    text: Callable[[int, int], str],
    *,
    strength: npt.NDArray[Any],
    sizes: tuple[float, float, float],
) -> None:
    """The text of each cell of a matrix, where there are few enough classes.

    Args:
        counts: integer [classes, classes]; a cell of 0 is written faintly.
        text: of a row and a column.
        strength: [classes, classes], how dark each cell is, 0..1.
        sizes: of the letters for up to 5 classes, up to SHARES_UP_TO, and more.
    """
    classes = len(counts)
    if classes > COUNTS_UP_TO:
        return
    size = sizes[(classes > 5) + (classes > SHARES_UP_TO)]
    for row, column in np.ndindex(classes, classes):
        on_dark = strength[row, column] > 0.55
        colour = "white" if on_dark else INK if counts[row, column] else _NOTHING
        axes.text(
            column, row, text(row, column), ha="center", va="center", fontsize=size, color=colour
        )
