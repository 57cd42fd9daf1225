"""The coverage-accuracy curve: how right the answers are if doubtful photos get none.

El-Yaniv and Wiener, Journal of Machine Learning Research 11, 2010, call it risk-coverage.
"""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from edgetl.trainer.metrics import Classes, Probabilities
from edgetl.trainer.report import drawing
from edgetl.trainer.thresholds import cumulative

_LINE = "#2563eb"
_MARKED = {0.5: "#93c5fd", 0.9: "#2563eb", 0.99: "#1e3a8a"}
# From this share of photos on the whole curve is shown.
_FEWEST = 0.1


def coverage_figure(probabilities: Probabilities, targets: Classes) -> Figure:
    """Accuracy of the photos whose highest probability reaches a threshold, by their share.

    Args:
        probabilities: of one photo or more, float32 [pictures, classes].
        targets: the true classes, int [pictures].
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == targets
    thresholds, (correct, answered) = cumulative(confidence, right, np.ones(len(right), np.int64))
    coverage, accuracy = answered / len(targets), correct / answered
    figure = drawing.blank(4.6, 4.4)
    axes = figure.add_axes((0.2, 0.14, 0.76, 0.81))
    drawing.style(axes)
    axes.plot(coverage, accuracy, color=_LINE, linewidth=1.8)
    # Among the few most confident photos one mistake would take the figure's whole height.
    shown = accuracy[coverage >= _FEWEST]
    low = max(min(float(shown.min()) - 0.02, 0.95), 0.0)
    axes.set(xlim=(0, 1.03), ylim=(low, 1 + (1 - low) * 0.05))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("photos that get an answer", color=drawing.INK)
    axes.set_ylabel("answers that are right", color=drawing.INK)
    for threshold, colour in _MARKED.items():
        reached = np.flatnonzero(thresholds >= threshold)
        if len(reached):
            share, value = float(coverage[reached[-1]]), float(accuracy[reached[-1]])
            name = f"{threshold:g}: {share:.0%} answered, {value:.1%} right"
            axes.scatter(
                [share], [value], s=80, color=colour, edgecolor="white", label=name, zorder=3
            )
    if not axes.get_legend_handles_labels()[0]:
        return figure
    # Where the most confident answers are wrong too, the curve runs through that corner.
    is_free = float(shown[: len(shown) // 2 + 1].min()) > low + 0.4 * (1 - low)
    legend = axes.legend(
        loc="lower left" if is_free else "upper left",
        frameon=False,
        fontsize=9,
        labelcolor=drawing.INK,
        title="threshold",
    )
    legend.get_title().set(color=drawing.INK, fontsize=9)
    legend.set_alignment("left")
    return figure
