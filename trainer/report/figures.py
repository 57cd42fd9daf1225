"""The figures of a run: its samples, its learning curves, its confusions and its network.

Every function returns a matplotlib Figure for the caller to save.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch, Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter

from edgetl.trainer.report import drawing

_TRAIN = "#2563eb"
_VALIDATION = "#ea580c"
_FROZEN = "#dbe4ee"
_PHASE_ONE = "#93c5fd"
_PHASE_TWO = "#fdba74"
_BOTH = "#86d3a5"
_NO_PARAMETERS = "#f8fafc"
_EDGE = "#475569"
_BLUES = LinearSegmentedColormap.from_list("edgetl", ["#f8fafc", "#93c5fd", "#1e40af"])


@dataclass(frozen=True)
class ModelStage:
    """One box of the network's diagram.

    Attributes:
        name: what the box is called.
        output_shape: of one picture, without the batch.
        parameters: how many it has, frozen and trained.
        trainable_head: how many of them phase one trains.
        trainable_fine_tune: how many of them phase two trains.
        note: more to say in the box. In a box of two bands, one frozen and one trained in phase
            two, its first line goes to the frozen band and its second to the trained one; a
            single line goes to the trained one.
    """

    name: str
    output_shape: tuple[int, ...]
    parameters: int
    trainable_head: int
    trainable_fine_tune: int
    note: str = ""


def samples_figure(
    pictures: Sequence[tuple[npt.NDArray[np.uint8], str]],
    *,
    augmented: Sequence[npt.NDArray[np.uint8]] = (),
) -> Figure:
    """Sample pictures under their labels, and some as training sees them.

    Args:
        pictures: uint8 [height, width, 3] RGB and label of each; any number, of any sizes.
        augmented: uint8 [height, width, 3] RGB each, for a second block of rows.
    """
    columns = min(max(len(pictures), len(augmented), 1), 6)
    first, second = (math.ceil(len(block) / columns) for block in (pictures, augmented))
    sizes = [picture.shape for picture, _ in pictures] + [picture.shape for picture in augmented]
    cell = 9.6 / 6
    tallest = cell * min(max((shape[0] / shape[1] for shape in sizes), default=1.0), 1.6)
    row, title, heading, margin = tallest + 0.08, 0.26, 0.5 if second else 0.0, 0.12
    width = columns * cell + (columns + 1) * 0.08
    height = max(first * (row + title) + second * row + heading + 2 * margin, 1.0)
    # Matplotlib cuts off no text, so a lone narrow column still needs room for the heading.
    figure = drawing.blank(max(width, 4.2 if second else 2.0), height)
    left = (figure.get_figwidth() - width) / 2

    def show(picture: npt.NDArray[np.uint8], column: int, top: float) -> Axes:
        x = left + 0.08 + column * (cell + 0.08)
        y = height - top - tallest
        axes = figure.add_axes(drawing.share(figure, x, y, cell, tallest))
        axes.imshow(picture, interpolation="antialiased")
        axes.set_axis_off()
        return axes

    for place, (picture, label) in enumerate(pictures):
        axes = show(picture, place % columns, margin + title + place // columns * (row + title))
        short = drawing.fitted(label, 10, cell)
        axes.set_title(
            short,
            fontsize=10,
            color=drawing.INK,
            pad=4,
            parse_math=False,
            family=drawing.families(),
        )
    top = margin + first * (row + title)
    if second:
        figure.text(
            0.5,
            1 - (top + heading / 2) / height,
            "as training sees them: augmented at random",
            ha="center",
            va="center",
            fontsize=11,
            color=drawing.FAINT,
            style="italic",
        )
    for place, picture in enumerate(augmented):
        show(picture, place % columns, top + heading + place // columns * row)
    return figure


def curves_figure(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Accuracy and loss over the epochs of both phases.

    Args:
        history: an epoch a row: phase ("head" or "fine_tune"), epoch (from 1 over both phases),
            loss, accuracy, val_loss, val_accuracy (accuracies 0..1). A NaN leaves a gap.
    """
    figure = drawing.blank(10.0, 4.2)
    panels = figure.subplots(1, 2)
    figure.subplots_adjust(left=0.07, right=0.985, bottom=0.13, top=0.83, wspace=0.2)
    epochs = [int(row["epoch"]) for row in history]
    best = _best_epoch(history)
    for axes, name in zip(panels, ("accuracy", "loss"), strict=True):
        values = _column(history, name), _column(history, f"val_{name}")
        for series, colour, label in zip(
            values, (_TRAIN, _VALIDATION), ("training", "validation"), strict=True
        ):
            axes.plot(epochs, series, "-o", color=colour, label=label, linewidth=2, markersize=3)
        _style_curves(axes, epochs, name.capitalize())
        accuracy = name == "accuracy"
        _limit_values(axes, np.concatenate(values), accuracy=accuracy)
        _mark_fine_tuning(axes, history, accuracy=accuracy)
        if best is not None:
            _mark_best(axes, epochs[best], values[1][best], accuracy=accuracy)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper right", bbox_to_anchor=(0.99, 1.0), ncols=2, frameon=False
    )
    return figure


def confusion_figure(
    confusion: npt.NDArray[np.integer[Any]], labels: Sequence[str], *, title: str
) -> Figure:
    """What the model took each class for, shaded by the share of the true class.

    Args:
        confusion: integer [classes, classes], rows the true class, columns the predicted one.
        labels: the classes' names, in order.
        title: above the matrix.

    Raises:
        ValueError: the shapes do not fit.
    """
    classes = len(labels)
    if confusion.shape != (classes, classes):
        raise ValueError(f"a confusion of shape {confusion.shape} for {classes} labels")
    totals = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(totals, 1)
    figure, axes, bar_axes = drawing.matrix(labels, title=title)
    image = axes.imshow(shares, cmap=_BLUES, vmin=0, vmax=1, interpolation="nearest")
    if classes <= drawing.COUNTS_UP_TO:
        _write_cells(axes, confusion, shares)
    bar = figure.colorbar(image, cax=bar_axes, format=PercentFormatter(1.0, decimals=0))
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0, labelsize=8.5, colors=drawing.FAINT)
    bar.set_label("of the true class", color=drawing.FAINT, fontsize=9)
    return figure


def model_figure(stages: Sequence[ModelStage]) -> Figure:
    """The network as a chain of boxes, coloured by what each phase of the training trains."""
    gap, margin, height, middle = 0.26, 0.15, 4.3, 2.85
    most = max((stage.parameters for stage in stages), default=0)
    widths = [
        3.0 if _in_bands(stage) else 1.9 if stage.parameters == most > 0 else 1.32
        for stage in stages
    ]
    chain = sum(widths) + gap * max(len(stages) - 1, 0)
    figure = drawing.blank(max(chain + 2 * margin, 8.0), height)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(0, figure.get_figwidth()), ylim=(0, height))
    axes.set_axis_off()
    left = (figure.get_figwidth() - chain) / 2
    for place, (stage, width) in enumerate(zip(stages, widths, strict=True)):
        if place:
            arrow = {
                "arrowstyle": "-|>",
                "color": drawing.FAINT,
                "lw": 1.5,
                "shrinkA": 0,
                "shrinkB": 0,
            }
            start, end = (left - gap + 0.03, middle), (left - 0.02, middle)
            axes.annotate("", xy=end, xytext=start, arrowprops=arrow)
        _draw_stage(axes, stage, left, middle, width)
        left += width + gap
    _explain_colours(figure, stages)
    return figure


def _column(history: Sequence[Mapping[str, Any]], name: str) -> npt.NDArray[np.float64]:
    return np.array([row[name] for row in history], np.float64)


def _best_epoch(history: Sequence[Mapping[str, Any]]) -> int | None:
    losses = _column(history, "val_loss")
    return int(np.nanargmin(losses)) if np.isfinite(losses).any() else None


def _style_curves(axes: Axes, epochs: Sequence[int], name: str) -> None:
    axes.set_title(name, loc="left", fontsize=13, color=drawing.INK, weight="bold", pad=10)
    axes.set_xlabel("epoch", color=drawing.FAINT)
    axes.grid(color=drawing.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(drawing.GRID)
    axes.tick_params(length=0, colors=drawing.FAINT)
    axes.set_xlim(min(epochs, default=1) - 0.5, max(epochs, default=1) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _limit_values(axes: Axes, values: npt.NDArray[np.float64], *, accuracy: bool) -> None:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if not accuracy:
        axes.set_ylim(0, high * 1.08 or 1.0)
        return
    margin = max((high - low) * 0.08, 0.005)
    # A line at 100 % would be cut in half by the edge.
    axes.set_ylim(max(low - margin, 0.0), min(high + margin, 1.0 + margin / 2))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def _mark_fine_tuning(axes: Axes, history: Sequence[Mapping[str, Any]], *, accuracy: bool) -> None:
    head = [int(row["epoch"]) for row in history if row["phase"] == "head"]
    fine_tune = [int(row["epoch"]) for row in history if row["phase"] == "fine_tune"]
    if not head or not fine_tune:
        return
    start = (max(head) + min(fine_tune)) / 2
    axes.axvline(start, color=drawing.FAINT, linestyle="--", linewidth=1.2)
    low, high = axes.get_xlim()
    # Curves of accuracy leave the lower part free and curves of loss the upper one.
    rightwards = (start - low) / (high - low) < 0.6
    axes.annotate(
        "fine-tuning starts",
        xy=(start, 0.03 if accuracy else 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(5 if rightwards else -5, 0),
        textcoords="offset points",
        ha="left" if rightwards else "right",
        va="bottom" if accuracy else "top",
        fontsize=9,
        color=drawing.FAINT,
        bbox=drawing.PAPER,
    )


def _mark_best(axes: Axes, epoch: int, value: float, *, accuracy: bool) -> None:
    if not math.isfinite(value):
        return
    axes.plot([epoch], [value], "o", color=_VALIDATION, markersize=9, markeredgecolor="white")
    low, high = axes.get_xlim()
    place = (epoch - low) / (high - low)
    axes.annotate(
        f"best epoch {epoch}: {value:.1%}" if accuracy else f"best epoch {epoch}: {value:.4f}",
        xy=(epoch, value),
        xytext=(min(max(place, 0.22), 0.78), 0.3 if accuracy else 0.68),
        textcoords="axes fraction",
        ha="center",
        va="center",
        fontsize=10,
        color=_VALIDATION,
        weight="bold",
        bbox=drawing.PAPER,
        arrowprops={"arrowstyle": "-", "color": _VALIDATION, "lw": 1, "shrinkB": 6},
    )


def _write_cells(
    axes: Axes, confusion: npt.NDArray[np.integer[Any]], shares: npt.NDArray[np.float64]
) -> None:
    classes = len(confusion)
    size = 11 if classes <= 5 else 8.5 if classes <= drawing.SHARES_UP_TO else 7
    for row, column in np.ndindex(classes, classes):
        count, share = int(confusion[row, column]), float(shares[row, column])
        text = f"{count:,}"
        if count and classes <= drawing.SHARES_UP_TO:
            text += f"\n{share:.1%}"
        colour = "white" if share > 0.55 else drawing.INK if count else "#9ca3af"
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def _in_bands(stage: ModelStage) -> bool:
    return 0 < stage.trainable_fine_tune < stage.parameters and not stage.trainable_head


def _colour(stage: ModelStage) -> str:
    if not stage.parameters:
        return _NO_PARAMETERS
    if stage.trainable_head and stage.trainable_fine_tune:
        return _BOTH
    if stage.trainable_head:
        return _PHASE_ONE
    return _PHASE_TWO if stage.trainable_fine_tune else _FROZEN


def _draw_stage(axes: Axes, stage: ModelStage, left: float, middle: float, width: float) -> None:
    bands = _in_bands(stage)
    # Taller where the data is still a picture than where it is a row of numbers.
    height = 2.5 if bands else 1.9 if len(stage.output_shape) > 1 else 1.35
    bottom, centre = middle - height / 2, left + width / 2
    box = FancyBboxPatch(
        (left, bottom),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.09",
        facecolor="white" if bands else _colour(stage),
        edgecolor=_EDGE,
        linewidth=1.3,
    )
    axes.add_patch(box)
    if bands:
        _words(axes, centre, bottom + height - 0.24, stage.name, size=13, weight="bold")
        _draw_bands(axes, stage, left + 0.12, bottom + 0.12, width - 0.24, height - 0.58)
    else:
        name = textwrap.fill(stage.name, 13)
        note = textwrap.fill(stage.note, int(width * 12))
        lift = 0.095 * (note.count("\n") + 1) if note else 0.0
        _words(axes, centre, middle + lift, name, size=10.5, weight="bold")
        drop = 0.1 * (name.count("\n") + 1) + 0.03
        _words(axes, centre, middle - drop, note, size=9.5, colour=drawing.FAINT)
    shape = " \N{MULTIPLICATION SIGN} ".join(f"{side:,}" for side in stage.output_shape)
    count = f"{stage.parameters:,} parameters" if stage.parameters else "no parameters"
    _words(axes, centre, bottom - 0.19, shape, size=10, weight="bold")
    _words(axes, centre, bottom - 0.41, count, size=9.5, colour=drawing.FAINT)


def _draw_bands(
    axes: Axes, stage: ModelStage, left: float, bottom: float, width: float, height: float
) -> None:
    frozen = stage.parameters - stage.trainable_fine_tune
    first, _, last = stage.note.rpartition("\n")
    # In proportion to the parameters, as far as both bands have room for their words.
    across = width * min(max(frozen / stage.parameters, 0.44), 0.56)
    for x, wide, colour, count, lines in (
        (left, across, _FROZEN, frozen, [first, "frozen"]),
        (
            left + across,
            width - across,
            _PHASE_TWO,
            stage.trainable_fine_tune,
            [last or "trained in phase two"],
        ),
    ):
        axes.add_patch(Rectangle((x, bottom), wide, height, facecolor=colour, edgecolor="white"))
        said = [textwrap.fill(line, int(wide * 12)) for line in lines if line]
        centre, middle = x + wide / 2, bottom + height / 2
        _words(axes, centre, middle + 0.15, "\n".join(said), size=10.5)
        _words(axes, centre, bottom + 0.38, f"{count:,}\nparameters", size=9.5)


def _words(
    axes: Axes,
    x: float,
    y: float,
    text: str,
    *,
    size: float,
    colour: str = drawing.INK,
    weight: str = "normal",
) -> None:
    axes.text(
        x,
        y,
        text,
        ha="center",
        va="center",
        fontsize=size,
        color=colour,
        weight=weight,
        linespacing=1.25,
        parse_math=False,
    )


def _explain_colours(figure: Figure, stages: Sequence[ModelStage]) -> None:
    used = {_colour(stage) for stage in stages}
    if any(_in_bands(stage) for stage in stages):
        used |= {_FROZEN, _PHASE_TWO}
    meanings = {
        _NO_PARAMETERS: "no parameters",
        _FROZEN: "frozen",
        _PHASE_ONE: "trained in phase one",
        _PHASE_TWO: "trained in phase two",
        _BOTH: "trained in both phases",
    }
    patches = [
        Patch(facecolor=colour, edgecolor=_EDGE, label=meaning)
        for colour, meaning in meanings.items()
        if colour in used
    ]
    low = 1 / figure.get_figheight()
    figure.legend(
        handles=patches,
        loc="center",
        bbox_to_anchor=(0.5, 0.62 * low),
        ncols=len(patches) or 1,
        frameon=False,
        fontsize=10,
    )
    total = sum(stage.parameters for stage in stages)
    head = sum(stage.trainable_head for stage in stages)
    fine_tune = sum(stage.trainable_fine_tune for stage in stages)
    figure.text(
        0.5,
        0.28 * low,
        f"Phase one trains {head:,} of {total:,} parameters, phase two {fine_tune:,}.",
        ha="center",
        va="center",
        fontsize=11,
        color=drawing.INK,
    )
