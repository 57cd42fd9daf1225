"""The figures of a benchmark: accuracy by latency, latencies, and what int8 takes otherwise.

Every function returns a Matplotlib Figure for the caller to save.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)
from matplotlib.transforms import Bbox

from edgetl.benchmarks.measured import KERAS, Latency, Measured, Row, engine_family
from edgetl.edge.errors import plural
from edgetl.trainer.metrics import confusion_matrix
from edgetl.trainer.report import drawing

_COLOURS = ("#2563eb", "#7c3aed", "#0e7490", "#15803d", "#be185d", "#854d0e", "#64748b")
_KERAS_COLOUR = "#ea580c"
_INVOKE, _END_TO_END = "#2563eb", "#ea580c"
_BETTER_AND_WORSE = LinearSegmentedColormap.from_list("edgetl", ["#c2410c", "#f8fafc", "#1d4ed8"])
# Values further apart than so many times are shown on a logarithmic scale.
_LOG_FROM = 4
# The largest bubble's diameter and the smallest's that can be seen, points.
_LARGEST, _SMALLEST = 46.0, 9.0
_LONGEST_NAME = 40
_LABEL_SIZE = 9.5
# With more bubbles than these their labels have no room for the file's size.
_SIZES_UP_TO = 12


def case_names(rows: Sequence[Row], *, brief: bool = False) -> list[str]:
    """A name for each row that tells it from the others, and is no longer than that takes.

    `brief` ones leave engine and threads to the words beside them.
    """
    engines = len({engine_family(row.engine) for row in rows if not row.is_keras}) > 1
    threads = len({row.threads for row in rows}) > 1
    alike = [(row.name, engine_family(row.engine), row.threads, row.elsewhere) for row in rows]
    often, seen = Counter(alike), Counter[tuple[str, str, int, str | None]]()
    names = []
    for row, key in zip(rows, alike, strict=True):
        parts = [_end_of(row.name)]
        seen[key] += 1
        if often[key] > 1:
            parts[0] += f" ({seen[key]})"
        if engines and not brief and not row.is_keras:
            parts.append(engine_family(row.engine))
        if threads and not brief:
            parts.append(plural(row.threads, "thread"))
        if row.elsewhere:
            parts.append(f"on {drawing.shortened(row.elsewhere, _LONGEST_NAME)}")
        names.append(", ".join(parts))
    return names


def _end_of(name: str) -> str:
    """A name on one line, cut at its front, because its end is what tells it from others."""
    words = " ".join(name.split())
    if len(words) <= _LONGEST_NAME:
        return words
    return f"\N{HORIZONTAL ELLIPSIS}{words[1 - _LONGEST_NAME :]}"


def accuracy_latency_figure(measured: Measured) -> Figure | None:
    """Accuracy by end-to-end latency, a bubble as large in area as the model's file.

    None where no row has a quality.
    """
    groups = _groups([row for row in measured.rows if row.quality])
    if not groups:
        return None
    # The colour tells the engine.
    named = [pair for rows in groups.values() for pair in zip(rows, case_names(rows), strict=True)]
    figure = drawing.blank(9.6, 5.4)
    axes = figure.add_axes((0.085, 0.11, 0.885, 0.75))
    shares = [share for row, _ in named if row.quality for share in _interval(row)]
    _style(axes)
    _limit_latency(axes, [row.end_to_end.p50 for row, _ in named], margin=0.16)
    low, high = min(shares), max(shares)
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
    others = [group for group, rows in groups.items() if not rows[0].is_keras]
    colours = dict.fromkeys(groups, _KERAS_COLOUR) | {
        group: _COLOURS[place % len(_COLOURS)] for place, group in enumerate(others)
    }
    largest = max(row.bytes for row, _ in named)
    bubbles = []
    # The largest first, so that none hides a smaller one.
    for row, name in sorted(named, key=lambda pair: -pair[0].bytes):
        diameter = max(_LARGEST * math.sqrt(row.bytes / largest), _SMALLEST)
        bubbles.append(
            (_draw_bubble(axes, row, diameter, colours[_group(row)]), diameter, row, name)
        )
    _legend(figure, groups, colours, largest)
    _label_bubbles(figure, axes, bubbles)
    return figure


def latency_figure(measured: Measured) -> Figure | None:
    """Every row's single calls, of the model alone and end to end; None without rows."""
    rows = measured.rows
    if not rows:
        return None
    names = [
        name + ("\nnoisy: not to be quoted" if row.noisy else "")
        for row, name in zip(rows, case_names(rows), strict=True)
    ]
    left = max(min(drawing.inches("\n".join(names), _LABEL_SIZE) + 0.3, 4.2), 1.0)
    right, lane, top, bottom, plot = 2.15, 0.34, 0.8, 0.6, 5.2
    tall = len(rows) * (2 * lane + 0.16)
    figure = drawing.blank(left + plot + right, top + tall + bottom)
    axes = figure.add_axes(drawing.share(figure, left, bottom, plot, tall))
    _style(axes)
    _limit_latency(
        axes,
        [value for row in rows for side in (row.invoke, row.end_to_end) for value in _shown(side)],
        margin=0.03,
    )
    axes.set_ylim(tall, 0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("milliseconds a picture", color=drawing.FAINT)
    places = [place * (2 * lane + 0.16) + 0.08 for place in range(len(rows))]
    any_words: dict[str, Any] = {"parse_math": False, "family": drawing.families()}
    axes.set_yticks([place + lane for place in places], names, fontsize=_LABEL_SIZE, **any_words)
    axes.tick_params(axis="y", colors=drawing.INK)
    for number, (row, place) in enumerate(zip(rows, places, strict=True)):
        if number:
            axes.axhline(place - 0.08, color=drawing.GRID, linewidth=0.8)
        for offset, latency, colour in (
            (0.5, row.invoke, _INVOKE),
            (1.5, row.end_to_end, _END_TO_END),
        ):
            _draw_calls(axes, latency, place + offset * lane, 0.26, colour, seed=number)
    heading = f"{'median':>7} {'90 %':>7} {'99 %':>7}"
    figure.text(
        1 - (right - 0.12) / figure.get_figwidth(), 1 - (top - 0.06) / figure.get_figheight(),
        heading, ha="left", va="bottom", fontsize=8.5, color=drawing.FAINT,
        family="DejaVu Sans Mono",
    )  # fmt: skip
    handles = [
        Line2D([], [], color=colour, marker="o", linestyle="", markersize=6, label=label)
        for colour, label in ((_INVOKE, "the model alone"), (_END_TO_END, "end to end, from JPEG"))
    ]
    figure.legend(
        handles=handles, loc="upper left", ncols=2, frameon=False, fontsize=10,
        bbox_to_anchor=((left - 0.1) / figure.get_figwidth(), 1 - 0.06 / figure.get_figheight()),
    )  # fmt: skip
    return figure


def confusion_difference(
    measured: Measured,
) -> tuple[npt.NDArray[np.int64], Row] | None:
    """int8's confusions less Keras', [classes, classes], and the int8 row.

    Rows are true classes. None where one of the two, or its answers, are not there. Keras may have
    classified the pictures on another machine.
    """
    answered = [row for row in measured.rows if row.quality]
    files = [row for row in answered if not row.is_keras and not row.elsewhere]
    keras = next((row for row in answered if row.is_keras), None)
    int8 = next((row for row in files if row.name == "int8"), None) or next(
        (row for row in files if "int8" in row.name), None
    )
    if not keras or not keras.quality or not int8 or not int8.quality or not measured.truth:
        return None
    truth = np.array(measured.truth, np.int64)
    of_int8, of_keras = (
        confusion_matrix(truth, np.array(given, np.int64), classes=len(measured.labels))
        for given in (int8.quality.predicted, keras.quality.predicted)
    )
    return of_int8 - of_keras, int8


def confusion_difference_figure(
    difference: npt.NDArray[np.int64], labels: Sequence[str], *, title: str
) -> Figure:
    """Counts of `confusion_difference`: blue where they are better, orange where they are worse."""
    classes = len(labels)
    # On the diagonal more are better, elsewhere fewer.
    better = difference * np.where(np.eye(classes, dtype=bool), 1, -1)
    most = max(int(np.abs(difference).max(initial=0)), 1)
    figure, axes, bar_axes = drawing.matrix(labels, title=title)
    image = axes.imshow(
        better, cmap=_BETTER_AND_WORSE, vmin=-most, vmax=most, interpolation="nearest"
    )
    if classes <= drawing.COUNTS_UP_TO:
        size = 12 if classes <= 5 else 9.5 if classes <= drawing.SHARES_UP_TO else 7
        for row, column in np.ndindex(classes, classes):
            count = int(difference[row, column])
            strong = abs(count) > 0.55 * most
            axes.text(
                column, row, f"{count:+,}" if count else "0", ha="center", va="center",
                fontsize=size,
                color="white" if strong else drawing.INK if count else "#9ca3af",
            )  # fmt: skip
    bar = figure.colorbar(image, cax=bar_axes)
    bar.outline.set_visible(False)
    bar.set_ticks([-most, 0, most], labels=[f"{most:,} worse", "as many", f"{most:,} better"])
    bar.ax.tick_params(length=0, labelsize=8.5, colors=drawing.FAINT)
    return figure


def _interval(row: Row) -> tuple[float, float]:
    assert row.quality
    return row.quality.accuracy_interval


def _shown(latency: Latency) -> list[float]:
    return [*latency.samples, latency.p50, latency.p90, latency.p99]


def _style(axes: Axes) -> None:
    axes.grid(color=drawing.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(drawing.GRID)
    axes.tick_params(which="both", length=0, colors=drawing.FAINT)


def _limit_latency(axes: Axes, values: Sequence[float], *, margin: float) -> None:
    """Milliseconds along x, on a logarithmic scale where they lie far apart."""
    low, high = min(values), max(values)
    if high <= _LOG_FROM * low:
        reach = (high - low) * margin or high * 0.3
        axes.set_xlim(max(low - reach, 0), high + reach)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=8))
        return
    axes.set_xscale("log")
    reach = (high / low) ** margin
    axes.set_xlim(low / reach, high * reach)
    fine = high <= 1000 * low
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if fine else (1,), numticks=20))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _group(row: Row) -> str:
    """What a row shares its colour with, as the legend has it."""
    name = KERAS if row.is_keras else engine_family(row.engine)
    return f"{name} on {row.elsewhere}" if row.elsewhere else name


def _groups(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(_group(row), []).append(row)
    return groups


def _draw_bubble(axes: Axes, row: Row, diameter: float, colour: str) -> tuple[float, float]:
    """The middle of the bubble, milliseconds and share."""
    assert row.quality
    middle = row.end_to_end.p50, row.quality.accuracy
    low, high = row.quality.accuracy_interval
    axes.plot([middle[0]] * 2, [low, high], color=colour, linewidth=1, alpha=0.35, zorder=1.5)
    axes.scatter(
        *middle, s=diameter**2, color=colour, alpha=0.3 if row.noisy else 0.6,
        edgecolors=colour, linewidths=1.2, linestyles="--" if row.noisy else "-", zorder=2,
    )  # fmt: skip
    axes.plot(*middle, ".", color="white", markersize=3, zorder=3)
    return middle


def _legend(
    figure: Figure, groups: dict[str, list[Row]], colours: dict[str, str], largest: int
) -> None:
    if len(groups) > 1:
        handles = []
        for group, rows in groups.items():
            threads = {row.threads for row in rows}
            words = drawing.shortened(group, _LONGEST_NAME)
            if len(threads) == 1:
                words += f", {plural(rows[0].threads, 'thread')}"
            handles.append(
                Line2D(
                    [], [], color=colours[group], marker="o", linestyle="", markersize=7,
                    label=words,
                )
            )  # fmt: skip
        legend = figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(0.06, 0.955), frameon=False,
            ncols=min(len(handles), 4), fontsize=9.5, handletextpad=0.2, columnspacing=1.4,
        )  # fmt: skip
        for words in legend.get_texts():
            words.set_parse_math(False)
            words.set_family(drawing.families())
    figure.text(
        0.97, 0.985,
        f"area: size of the file (largest {largest / 1e6:.1f} MB); line: 95 % interval",
        ha="right", va="top", fontsize=8.5, color=drawing.FAINT,
    )  # fmt: skip


def _label_bubbles(
    figure: Figure, axes: Axes, bubbles: Sequence[tuple[tuple[float, float], float, Row, str]]
) -> None:
    """A label beside each bubble where it hides neither another nor a bubble."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    pixels = figure.dpi / 72
    taken: list[Bbox] = []
    for middle, diameter, _, _ in bubbles:
        x, y = axes.transData.transform(middle)
        half = diameter * pixels / 2
        taken.append(Bbox([[x - half, y - half], [x + half, y + half]]))
    inside = axes.get_window_extent(renderer)
    for (middle, diameter, row, name), bubble in list(zip(bubbles, taken, strict=True))[::-1]:
        said = name + (" (noisy)" if row.noisy else "")
        if len(bubbles) <= _SIZES_UP_TO:
            said += f"  {row.bytes / 1e6:.1f} MB"
        words = axes.annotate(
            said, xy=middle, xytext=(0, 0), textcoords="offset points", ha="center", va="center",
            fontsize=_LABEL_SIZE, color=drawing.INK, parse_math=False, family=drawing.families(),
            zorder=4,
        )  # fmt: skip
        size = words.get_window_extent(renderer)
        best = _free_place(bubble, size.width + 4, size.height + 2, taken, inside)
        taken.append(best)
        across = (best.x0 + best.x1) / 2 - (bubble.x0 + bubble.x1) / 2
        up = (best.y0 + best.y1) / 2 - (bubble.y0 + bubble.y1) / 2
        words.set_position((across / pixels, up / pixels))
        # A label further away than beside its bubble needs a line to it.
        gap = max(
            best.x0 - bubble.x1, bubble.x0 - best.x1, best.y0 - bubble.y1, bubble.y0 - best.y1
        )  # fmt: skip
        if gap > 9 * pixels:
            x, y = _centre(bubble)
            nearest = (
                min(max(0.0, best.x0 - x), best.x1 - x) / pixels,
                min(max(0.0, best.y0 - y), best.y1 - y) / pixels,
            )
            line = {"arrowstyle": "-", "color": drawing.FAINT, "lw": 0.8, "shrinkA": 0}
            axes.annotate(
                "", xy=middle, xytext=nearest, textcoords="offset points",
                arrowprops=line | {"shrinkB": diameter / 2},
            )  # fmt: skip


def _centre(box: Bbox) -> tuple[float, float]:
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2


def _free_place(
    bubble: Bbox, width: float, height: float, taken: Sequence[Bbox], inside: Bbox
) -> Bbox:
    """The box of that size nearest to the bubble that hides as little as can be."""
    x, y = _centre(bubble)
    half = bubble.width / 2
    best, least = bubble, math.inf
    for distance in (4, 16, 30, 46, 64, 84, 108, 136, 168, 204):
        for turn in range(0, 360, 15):
            # To the right, then up and down, and at last to the left.
            angle = math.radians(turn if turn <= 180 else 180 - turn)
            reach = half + distance
            left = x + reach * math.cos(angle) + (width / 2) * (math.cos(angle) - 1)
            low = y + reach * math.sin(angle) + (height / 2) * (math.sin(angle) - 1)
            box = Bbox([[left, low], [left + width, low + height]])
            hidden = sum(_overlap(box, other) for other in taken)
            outside = width * height - _overlap(box, inside)
            if hidden + outside < least - 1e-6:
                best, least = box, hidden + outside
            if least < 1:
                return best
    return best


def _overlap(one: Bbox, other: Bbox) -> float:
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    up = min(one.y1, other.y1) - max(one.y0, other.y0)
    return max(across, 0.0) * max(up, 0.0)


def _draw_calls(
    axes: Axes, latency: Latency, middle: float, height: float, colour: str, *, seed: int
) -> None:
    """Calls as a cloud of dots, the median as a line through it, and three figures beside it."""
    samples = np.array(latency.samples)
    jitter = np.random.default_rng(seed).uniform(-height / 2, height / 2, len(samples))
    axes.scatter(
        samples, middle + jitter, s=6, color=colour, linewidths=0,
        alpha=float(np.clip(60 / max(len(samples), 1), 0.12, 0.6)),
    )  # fmt: skip
    axes.plot(
        [latency.p50] * 2, [middle - height / 2, middle + height / 2],
        color=drawing.INK, linewidth=1.6, solid_capstyle="butt", zorder=3,
    )  # fmt: skip
    for value in (latency.p90, latency.p99):
        axes.plot(
            [value] * 2, [middle - height / 3, middle + height / 3],
            color=colour, linewidth=1.2, solid_capstyle="butt", zorder=3,
        )  # fmt: skip
    axes.annotate(
        " ".join(f"{milliseconds(v):>7}" for v in (latency.p50, latency.p90, latency.p99)),
        xy=(1, middle), xycoords=("axes fraction", "data"), xytext=(0.12 * 72, 0),
        textcoords="offset points", ha="left", va="center", fontsize=8.5, color=colour,
        family="DejaVu Sans Mono", annotation_clip=False,
    )  # fmt: skip


def milliseconds(value: float) -> str:
    """With three figures, as far as they say anything."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
