"""The figure of accuracy by latency: a bubble for each case, none of whose labels hide another."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from edgetl.benchmarks.measured import KERAS, Case, Measured, engine_family
from edgetl.benchmarks.report.figures import (
    LABEL_SIZE,
    LONGEST_NAME,
    case_names,
    legend_dot,
    limit_latency,
)
from edgetl.edge.errors import plural
from edgetl.trainer.report import drawing

_COLOURS = ("#2563eb", "#7c3aed", "#0e7490", "#15803d", "#be185d", "#854d0e", "#64748b")
_KERAS_COLOUR = "#ea580c"
# The largest bubble's diameter and the smallest's that can be seen, points.
_LARGEST, _SMALLEST = 46.0, 9.0
# With more bubbles than these their labels have no room for the file's size.
_SIZES_UP_TO = 12


def accuracy_latency_figure(measured: Measured) -> Figure | None:
    """Accuracy by end-to-end latency, a bubble as large in area as the model's file.

    None where no case has a quality.
    """
    groups: dict[str, list[Case]] = {}
    for case in measured.cases:
        if case.quality:
            groups.setdefault(_group(case), []).append(case)
    if not groups:
        return None
    # The colour shows the engine.
    named = [
        pair for cases in groups.values() for pair in zip(cases, case_names(cases), strict=True)
    ]
    figure = drawing.blank(9.6, 5.4)
    axes = figure.add_axes((0.085, 0.11, 0.885, 0.75))
    ends = [end for case, _ in named if case.quality for end in case.quality.accuracy_interval]
    drawing.style(axes)
    limit_latency(axes, [case.end_to_end.p50 for case, _ in named], margin=0.16)
    low, high = min(ends), max(ends)
    margin = max((high - low) * 0.12, 0.01)
    axes.set_ylim(low - margin, high + margin)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
    # The bubbles need room above 100 %, where no accuracy is.
    axes.yaxis.set_major_formatter(
        lambda share, _: f"{100 * share:.3g}%" if 0 <= share <= 1 + 1e-9 else ""
    )
    axes.set_ylabel("accuracy", color=drawing.FAINT)
    axes.set_xlabel("milliseconds a picture, from its JPEG to probabilities (median)",
                    color=drawing.FAINT)  # fmt: skip
    others = [group for group, cases in groups.items() if not cases[0].is_keras]
    colours = dict.fromkeys(groups, _KERAS_COLOUR) | {
        group: _COLOURS[index % len(_COLOURS)] for index, group in enumerate(others)
    }
    largest = max(case.bytes for case, _ in named)
    bubbles = []
    # The largest first, so that none hides a smaller one.
    for case, name in sorted(named, key=lambda pair: -pair[0].bytes):
        diameter = max(_LARGEST * math.sqrt(case.bytes / largest), _SMALLEST)
        middle = _draw_bubble(axes, case, diameter, colours[_group(case)])
        bubbles.append((middle, diameter, case, name))
    _legend(figure, groups, colours, largest)
    _label_bubbles(figure, axes, bubbles)
    return figure


def _group(case: Case) -> str:
    """What a case shares its colour with, as the legend has it."""
    name = KERAS if case.is_keras else engine_family(case.engine)
    return f"{name} on {case.elsewhere}" if case.elsewhere else name


def _draw_bubble(axes: Axes, case: Case, diameter: float, colour: str) -> tuple[float, float]:
    """The middle of the bubble, milliseconds and share."""
    assert case.quality
    middle = case.end_to_end.p50, case.quality.accuracy
    low, high = case.quality.accuracy_interval
    axes.plot([middle[0]] * 2, [low, high], color=colour, linewidth=1, alpha=0.35, zorder=1.5)
    axes.scatter(
        *middle, s=diameter**2, color=colour, alpha=0.3 if case.noisy else 0.6,
        edgecolors=colour, linewidths=1.2, linestyles="--" if case.noisy else "-", zorder=2,
    )  # fmt: skip
    axes.plot(*middle, ".", color="white", markersize=3, zorder=3)
    return middle


def _legend(
    figure: Figure, groups: dict[str, list[Case]], colours: dict[str, str], largest: int
) -> None:
    if len(groups) > 1:
        handles = []
        for group, cases in groups.items():
            words = drawing.shortened(group, LONGEST_NAME)
            if len({case.threads for case in cases}) == 1:
                words += f", {plural(cases[0].threads, 'thread')}"
            handles.append(legend_dot(colours[group], words, size=7))
        legend = figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(0.06, 0.955), frameon=False,
            ncols=min(len(handles), 4), fontsize=9.5, handletextpad=0.2, columnspacing=1.4,
        )  # fmt: skip
        for shown in legend.get_texts():
            shown.set_parse_math(False)
            shown.set_fontfamily(drawing.families())
    figure.text(
        0.97, 0.985,
        f"area: size of the file (largest {largest / 1e6:.1f} MB); line: 95 % interval",
        ha="right", va="top", fontsize=8.5, color=drawing.FAINT,
    )  # fmt: skip


def _label_bubbles(
    figure: Figure, axes: Axes, bubbles: Sequence[tuple[tuple[float, float], float, Case, str]]
) -> None:
    """A label beside each bubble where it hides neither another nor a bubble."""
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    pixels = figure.dpi / 72
    taken = [
        Bbox([axes.transData.transform(middle)] * 2).padded(diameter * pixels / 2)
        for middle, diameter, _, _ in bubbles
    ]
    inside = axes.get_window_extent(renderer)
    for (middle, diameter, case, name), bubble in list(zip(bubbles, taken, strict=True))[::-1]:
        said = name + (" (latency noisy)" if case.noisy else "")
        if len(bubbles) <= _SIZES_UP_TO:
            said += f"  {case.bytes / 1e6:.1f} MB"
        words = axes.annotate(
            said, xy=middle, xytext=(0, 0), textcoords="offset points", ha="center", va="center",
            fontsize=LABEL_SIZE, color=drawing.INK, parse_math=False, family=drawing.families(),
            zorder=4,
        )  # fmt: skip
        size = words.get_window_extent(renderer)
        best = _free_box(bubble, size.width + 4, size.height + 2, taken, inside)
        taken.append(best)
        centre, (low, high) = _centre(bubble), best.get_points()
        words.set_position(tuple((_centre(best) - centre) / pixels))
        # A label further away than beside its bubble needs a line to it.
        if max(*(low - bubble.get_points()[1]), *(bubble.get_points()[0] - high)) > 9 * pixels:
            across, up = (np.clip(centre, low, high) - centre) / pixels
            line = {"arrowstyle": "-", "color": drawing.FAINT, "lw": 0.8, "shrinkA": 0}
            axes.annotate(
                "", xy=middle, xytext=(across, up), textcoords="offset points",
                arrowprops=line | {"shrinkB": diameter / 2},
            )  # fmt: skip


def _centre(box: Bbox) -> npt.NDArray[np.float64]:
    centre: npt.NDArray[np.float64] = np.mean(box.get_points(), axis=0)
    return centre


def _free_box(
    bubble: Bbox, width: float, height: float, taken: Sequence[Bbox], inside: Bbox
) -> Bbox:
    """The box of that size nearest to the bubble that hides as little as can be."""
    x, y = _centre(bubble)
    half = bubble.width / 2
    best, lowest = bubble, math.inf
    for distance in (4, 16, 30, 46, 64, 84, 108, 136, 168, 204):
        for turn in range(0, 360, 15):
            # To the right, then up and down, and at last to the left.
            angle = math.radians(turn if turn <= 180 else 180 - turn)
            reach = half + distance
            left = x + reach * math.cos(angle) + (width / 2) * (math.cos(angle) - 1)
            low = y + reach * math.sin(angle) + (height / 2) * (math.sin(angle) - 1)
            box = Bbox.from_bounds(left, low, width, height)
            hidden = sum(_overlap(box, other) for other in taken)
            outside = width * height - _overlap(box, inside)
            if hidden + outside < lowest - 1e-6:
                best, lowest = box, hidden + outside
            if lowest < 1:
                return best
    return best


def _overlap(one: Bbox, other: Bbox) -> float:
    both = Bbox.intersection(one, other)
    return float(both.width * both.height) if both else 0.0
