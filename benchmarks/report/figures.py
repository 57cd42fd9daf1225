"""The figures of a benchmark: latencies, and what int8 classifies differently; names for both.

Every function returns a Matplotlib Figure for the caller to save.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from edgetl.benchmarks.measured import Case, Latency, Measured, engine_family
from edgetl.benchmarks.report.tables import milliseconds
from edgetl.edge.errors import plural
from edgetl.trainer.metrics import confusion_matrix
from edgetl.trainer.report import drawing

_INVOKE, _END_TO_END = "#2563eb", "#ea580c"
_BETTER_AND_WORSE = LinearSegmentedColormap.from_list("edgetl", ["#c2410c", "#f8fafc", "#1d4ed8"])
# A difference of fewer pictures never has the strongest colour: one or two are chance.
_STRONGEST_FROM = 5
# Values further apart than so many times are shown on a logarithmic scale.
_LOG_FROM = 4
LONGEST_NAME = 40
LABEL_SIZE = 9.5


def case_names(cases: Sequence[Case], *, brief: bool = False) -> list[str]:
    """A name for each case that distinguishes it from the others, and is no longer than necessary.

    `brief` ones leave out engine and threads.
    """
    engines = len({engine_family(case.engine) for case in cases if not case.is_keras}) > 1
    threads = len({case.threads for case in cases}) > 1
    alike = [
        (case.name, engine_family(case.engine), case.threads, case.elsewhere) for case in cases
    ]
    names = []
    for number, (case, key) in enumerate(zip(cases, alike, strict=True), start=1):
        parts = [_end_of(case.name)]
        if alike.count(key) > 1:
            parts[0] += f" ({alike[:number].count(key)})"
        if engines and not brief and not case.is_keras:
            parts.append(engine_family(case.engine))
        if threads and not brief:
            parts.append(plural(case.threads, "thread"))
        if case.elsewhere:
            parts.append(f"on {drawing.shortened(case.elsewhere, LONGEST_NAME)}")
        names.append(", ".join(parts))
    return names


def _end_of(name: str) -> str:
    """A name on one line, cut at its front, because its end is what distinguishes it."""
    words = " ".join(name.split())
    if len(words) <= LONGEST_NAME:
        return words
    return f"\N{HORIZONTAL ELLIPSIS}{words[1 - LONGEST_NAME :]}"


def latency_figure(measured: Measured) -> Figure | None:
    """Every case's single calls, of the model alone and end to end; None without cases."""
    cases = measured.cases
    if not cases:
        return None
    names = [
        name + ("\nnoisy: not to be quoted" if case.noisy else "")
        for case, name in zip(cases, case_names(cases), strict=True)
    ]
    left = max(min(drawing.inches("\n".join(names), LABEL_SIZE) + 0.3, 4.2), 1.0)
    right, lane, top, bottom, plot = 2.15, 0.34, 0.8, 0.6, 5.2
    tall = len(cases) * (2 * lane + 0.16)
    figure = drawing.blank(left + plot + right, top + tall + bottom)
    axes = figure.add_axes(drawing.share(figure, left, bottom, plot, tall))
    drawing.style(axes)
    both = [latency for case in cases for latency in (case.invoke, case.end_to_end)]
    shown = [value for one in both for value in (*one.samples, one.p50, one.p90, one.p99)]
    limit_latency(axes, shown, margin=0.03)
    axes.set_ylim(tall, 0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("milliseconds a picture", color=drawing.FAINT)
    tops = [index * (2 * lane + 0.16) + 0.08 for index in range(len(cases))]
    ticks = [lane_top + lane for lane_top in tops]
    axes.set_yticks(ticks, names, fontsize=LABEL_SIZE, **drawing.any_text())
    axes.tick_params(axis="y", colors=drawing.INK)
    for number, (case, lane_top) in enumerate(zip(cases, tops, strict=True)):
        if number:
            axes.axhline(lane_top - 0.08, color=drawing.GRID, linewidth=0.8)
        for offset, latency, colour in (
            (0.5, case.invoke, _INVOKE),
            (1.5, case.end_to_end, _END_TO_END),
        ):
            _draw_calls(axes, latency, lane_top + offset * lane, 0.26, colour, seed=number)
    figure.text(
        1 - (right - 0.12) / figure.get_figwidth(), 1 - (top - 0.06) / figure.get_figheight(),
        f"{'median':>7} {'90 %':>7} {'99 %':>7}", ha="left", va="bottom", fontsize=8.5,
        color=drawing.FAINT, family="DejaVu Sans Mono",
    )  # fmt: skip
    handles = [
        legend_dot(_INVOKE, "the model alone", size=6),
        legend_dot(_END_TO_END, "end to end, from JPEG", size=6),
    ]
    figure.legend(
        handles=handles, loc="upper left", ncols=2, frameon=False, fontsize=10,
        bbox_to_anchor=((left - 0.1) / figure.get_figwidth(), 1 - 0.06 / figure.get_figheight()),
    )  # fmt: skip
    return figure


def confusion_difference(measured: Measured) -> tuple[npt.NDArray[np.int64], Case] | None:
    """int8's confusions less Keras', [classes, classes], and the int8 case.

    Rows are true classes. None where one of the two, or its answers, are not there. Keras may have
    classified the pictures on another machine.
    """
    answered = [case for case in measured.cases if case.quality]
    files = [case for case in answered if not case.is_keras and not case.elsewhere]
    keras = next((case for case in answered if case.is_keras), None)
    int8 = next((case for case in files if case.name == "int8"), None) or next(
        (case for case in files if "int8" in case.name), None
    )
    if not keras or not keras.quality or not int8 or not int8.quality or not measured.targets:
        return None
    targets = np.array(measured.targets, np.int64)
    of_int8, of_keras = (
        confusion_matrix(targets, np.array(given, np.int64), classes=len(measured.labels))
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
    most = max(int(np.abs(difference).max(initial=0)), _STRONGEST_FROM)
    figure, axes, bar = drawing.matrix(
        labels, better, title=title, cmap=_BETTER_AND_WORSE, vmin=-most, vmax=most
    )
    drawing.write_cells(
        axes,
        difference,
        lambda row, column: f"{difference[row, column]:+,}" if difference[row, column] else "0",
        strength=np.abs(difference) / most,
        sizes=(12, 9.5, 7),
    )
    bar.set_ticks([-most, 0, most], labels=[f"{most:,} worse", "as many", f"{most:,} better"])
    return figure


def legend_dot(colour: str, label: str, *, size: float) -> Line2D:
    """What a legend shows of a colour; `size` in points."""
    return Line2D([], [], color=colour, marker="o", linestyle="", markersize=size, label=label)


def limit_latency(axes: Axes, values: Sequence[float], *, margin: float) -> None:
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
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


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
    for value, reach, width, line_colour in (
        (latency.p50, height / 2, 1.6, drawing.INK),
        (latency.p90, height / 3, 1.2, colour),
        (latency.p99, height / 3, 1.2, colour),
    ):
        axes.plot(
            [value] * 2, [middle - reach, middle + reach],
            color=line_colour, linewidth=width, solid_capstyle="butt", zorder=3,
        )  # fmt: skip
    axes.annotate(
        " ".join(f"{milliseconds(v):>7}" for v in (latency.p50, latency.p90, latency.p99)),
        xy=(1, middle), xycoords=("axes fraction", "data"), xytext=(0.12 * 72, 0),
        textcoords="offset points", ha="left", va="center", fontsize=8.5, color=colour,
        family="DejaVu Sans Mono", annotation_clip=False,
    )  # fmt: skip
