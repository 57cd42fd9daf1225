"""The reliability diagram: whether photos called a class at 0.9 are right nine times in ten."""

from matplotlib.figure import Figure

from edgetl.trainer.metrics import Calibration
from edgetl.trainer.report import drawing

_AFTER = "#2563eb"
_BEFORE = "#9ca3af"


def reliability_figure(after: Calibration, before: Calibration | None) -> Figure:
    """Accuracy against confidence, a dot for each bin with pictures; the area is their number.

    Args:
        after: of the model's probabilities.
        before: of those before the temperature; None where there was none.
    """
    figure = drawing.blank(4.6, 4.4)
    axes = figure.add_axes((0.15, 0.14, 0.81, 0.81))
    drawing.style(axes)
    axes.plot([0, 1], [0, 1], color=drawing.FAINT, linewidth=1, linestyle="--")
    total = sum(one.pictures for one in after.bins)
    shown = [(before, _BEFORE, "before the temperature")] if before else []
    shown.append((after, _AFTER, "the model" if before is None else "after it"))
    for found, colour, name in shown:
        axes.scatter(
            [one.confidence for one in found.bins],
            [one.accuracy for one in found.bins],
            s=[12 + 300 * one.pictures / total for one in found.bins],
            color=colour,
            alpha=0.75,
            label=f"{name}: ECE {found.ece:.3f}",
        )
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    axes.set_xlabel("probability of the class that was given", color=drawing.INK)
    axes.set_ylabel("share that is right", color=drawing.INK)
    legend = axes.legend(loc="upper left", frameon=False, fontsize=9, labelcolor=drawing.INK)
    for handle in legend.legend_handles:
        if handle is not None:
            handle.set(sizes=[40])
    return figure
