"""The figures of a run: its samples, its learning curves and its confusions.

Every function returns a matplotlib Figure for the caller to save.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from edgetl.trainer.report import drawing
from edgetl.trainer.run.records import EpochRecord

_TRAIN = "#2563eb"
_VALIDATION = "#ea580c"
_BLUES = LinearSegmentedColormap.from_list("edgetl", ["#f8fafc", "#93c5fd", "#1e40af"])


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

    for index, (picture, label) in enumerate(pictures):
        axes = show(picture, index % columns, margin + title + index // columns * (row + title))
        short = drawing.fitted(label, 10, cell)
        axes.set_title(short, fontsize=10, color=drawing.INK, pad=4, **drawing.any_text())
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
    for index, picture in enumerate(augmented):
        show(picture, index % columns, top + heading + index // columns * row)
    return figure


def curves_figure(
    history: Sequence[EpochRecord], *, kept: int | None = None, narrow: bool = False
) -> Figure:
    """Accuracy and loss over the epochs, one or more, of both phases.

    Args:
        kept: the epoch whose weights the model has, which is marked; default that of the lowest
            validation loss.
        narrow: whether they are below one another, in place of side by side.
    """
    figure = drawing.blank(4.4, 7.4) if narrow else drawing.blank(10.0, 4.2)
    panels = figure.subplots(*((2, 1) if narrow else (1, 2)))
    if narrow:
        figure.subplots_adjust(left=0.15, right=0.97, bottom=0.07, top=0.91, hspace=0.3)
    else:
        figure.subplots_adjust(left=0.07, right=0.985, bottom=0.13, top=0.83, wspace=0.2)
    epochs = [epoch.epoch for epoch in history]
    lowest = min(history, key=lambda epoch: epoch.val_loss)
    best = next((epoch for epoch in history if epoch.epoch == kept), lowest)
    marked = f"best epoch {best.epoch}" if best is lowest else f"kept epoch {best.epoch}"
    for axes, name in zip(panels, ("accuracy", "loss"), strict=True):
        training = [getattr(epoch, name) for epoch in history]
        validation = [getattr(epoch, f"val_{name}") for epoch in history]
        line = {"linewidth": 2, "markersize": 3}
        axes.plot(epochs, training, "-o", color=_TRAIN, label="training", **line)
        axes.plot(epochs, validation, "-o", color=_VALIDATION, label="validation", **line)
        axes.set_title(
            name.capitalize(), loc="left", fontsize=13, color=drawing.INK, weight="bold", pad=10
        )
        axes.set_xlabel("epoch", color=drawing.FAINT)
        drawing.style(axes)
        axes.set_xlim(min(epochs) - 0.5, max(epochs) + 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        accuracy = name == "accuracy"
        _limit_values(axes, [*training, *validation], accuracy=accuracy)
        _mark_fine_tuning(axes, history, accuracy=accuracy)
        value = getattr(best, f"val_{name}")
        said = f"{marked}: {value:.1%}" if accuracy else f"{marked}: {value:.4f}"
        _mark_best(axes, best.epoch, value, said, above=not accuracy)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="upper right", bbox_to_anchor=(0.99, 1.0), ncols=2, frameon=False
    )
    return figure


def confusion_figure(
    confusion: npt.NDArray[np.integer[Any]], labels: Sequence[str], *, title: str
) -> Figure:
    """What the model predicted for each class, shaded by the share of the true class.

    `confusion` is integer [classes, classes], rows the true class, columns the predicted one.

    Raises:
        ValueError: the shapes do not fit.
    """
    classes = len(labels)
    if confusion.shape != (classes, classes):
        raise ValueError(f"a confusion of shape {confusion.shape} for {classes} labels")
    totals = confusion.sum(axis=1, keepdims=True)
    shares = confusion / np.maximum(totals, 1)
    figure, axes, bar = drawing.matrix(labels, shares, title=title, cmap=_BLUES, vmin=0, vmax=1)

    def text(row: int, column: int) -> str:
        count = confusion[row, column]
        share = count and classes <= drawing.SHARES_UP_TO
        return f"{count:,}\n{shares[row, column]:.1%}" if share else f"{count:,}"

    drawing.write_cells(axes, confusion, text, strength=shares, sizes=(11, 8.5, 7))
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    bar.set_label("of the true class", color=drawing.FAINT, fontsize=9)
    return figure


def _limit_values(axes: Axes, values: Sequence[float], *, accuracy: bool) -> None:
    low, high = min(values), max(values)
    if not accuracy:
        axes.set_ylim(0, high * 1.08 or 1.0)
        return
    margin = max((high - low) * 0.08, 0.005)
    # A line at 100 % would be cut in half by the edge.
    axes.set_ylim(max(low - margin, 0.0), min(high + margin, 1.0 + margin / 2))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def _mark_fine_tuning(axes: Axes, history: Sequence[EpochRecord], *, accuracy: bool) -> None:
    head = sum(epoch.phase == "head" for epoch in history)
    if head in (0, len(history)):
        return
    start = head + 0.5
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


def _mark_best(axes: Axes, epoch: int, value: float, said: str, *, above: bool) -> None:
    axes.plot([epoch], [value], "o", color=_VALIDATION, markersize=9, markeredgecolor="white")
    low, high = axes.get_xlim()
    position = (epoch - low) / (high - low)
    bottom, top = axes.get_ylim()
    height = (value - bottom) / (top - bottom)
    # Where the curves leave room, and not on the dot itself.
    heights = (0.68, 0.45, 0.3) if above else (0.3, 0.52, 0.68)
    free = next((some for some in heights if abs(some - height) > 0.15), heights[0])
    axes.annotate(
        said,
        xy=(epoch, value),
        xytext=(min(max(position, 0.26), 0.74), free),
        textcoords="axes fraction",
        ha="center",
        va="center",
        fontsize=10,
        color=_VALIDATION,
        weight="bold",
        bbox=drawing.PAPER,
        arrowprops={"arrowstyle": "-", "color": _VALIDATION, "lw": 1, "shrinkB": 6},
    )
