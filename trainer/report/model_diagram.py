"""The diagram of a network, for the report."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch, Rectangle

from edgetl.trainer.report import drawing

_COLOURS = {
    "no parameters": "#f8fafc",
    "frozen": "#dbe4ee",
    "trained in phase one": "#93c5fd",
    "trained in phase two": "#fdba74",
    "trained in both phases": "#86d3a5",
}
_EDGE = "#475569"


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
    parameters: int = 0
    trainable_head: int = 0
    trainable_fine_tune: int = 0
    note: str = ""


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
    for index, (stage, width) in enumerate(zip(stages, widths, strict=True)):
        if index:
            arrow = {"arrowstyle": "-|>", "color": drawing.FAINT, "lw": 1.5}
            arrow |= {"shrinkA": 0, "shrinkB": 0}
            start, end = (left - gap + 0.03, middle), (left - 0.02, middle)
            axes.annotate("", xy=end, xytext=start, arrowprops=arrow)
        _draw_stage(axes, stage, left, middle, width)
        left += width + gap
    _explain_colours(figure, stages)
    return figure


def _in_bands(stage: ModelStage) -> bool:
    return 0 < stage.trainable_fine_tune < stage.parameters and not stage.trainable_head


def _meaning(stage: ModelStage) -> str:
    """What the colour of its box says."""
    if not stage.parameters:
        return "no parameters"
    if stage.trainable_head and stage.trainable_fine_tune:
        return "trained in both phases"
    if stage.trainable_head:
        return "trained in phase one"
    return "trained in phase two" if stage.trainable_fine_tune else "frozen"


def _draw_stage(axes: Axes, stage: ModelStage, left: float, middle: float, width: float) -> None:
    bands = _in_bands(stage)
    # Taller where the data is still a picture than where it is a vector.
    height = 2.5 if bands else 1.9 if len(stage.output_shape) > 1 else 1.35
    bottom, centre = middle - height / 2, left + width / 2
    box = FancyBboxPatch(
        (left, bottom),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.09",
        facecolor="white" if bands else _COLOURS[_meaning(stage)],
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
        _words(axes, centre, middle - drop, note, size=9.5, color=drawing.FAINT)
    shape = " \N{MULTIPLICATION SIGN} ".join(f"{side:,}" for side in stage.output_shape)
    count = f"{stage.parameters:,} parameters" if stage.parameters else "no parameters"
    _words(axes, centre, bottom - 0.19, shape, size=10, weight="bold")
    _words(axes, centre, bottom - 0.41, count, size=9.5, color=drawing.FAINT)


def _draw_bands(
    axes: Axes, stage: ModelStage, left: float, bottom: float, width: float, height: float
) -> None:
    frozen = stage.parameters - stage.trainable_fine_tune
    first, _, last = stage.note.rpartition("\n")
    # In proportion to the parameters, as far as both bands have room for their words.
    across = width * min(max(frozen / stage.parameters, 0.44), 0.56)
    tuned, trained = stage.trainable_fine_tune, "trained in phase two"
    for x, wide, meaning, count, lines in (
        (left, across, "frozen", frozen, [first, "frozen"]),
        (left + across, width - across, trained, tuned, [last or trained]),
    ):
        colour = _COLOURS[meaning]
        axes.add_patch(Rectangle((x, bottom), wide, height, facecolor=colour, edgecolor="white"))
        said = [textwrap.fill(line, int(wide * 12)) for line in lines if line]
        centre, middle = x + wide / 2, bottom + height / 2
        _words(axes, centre, middle + 0.15, "\n".join(said), size=10.5)
        _words(axes, centre, bottom + 0.38, f"{count:,}\nparameters", size=9.5)


def _words(axes: Axes, x: float, y: float, text: str, *, size: float, **how: Any) -> None:
    """Text around a point; `how` is more for Matplotlib's Text."""
    plain: dict[str, Any] = {"color": drawing.INK, "linespacing": 1.25, "parse_math": False}
    axes.text(x, y, text, ha="center", va="center", fontsize=size, **plain | how)


def _explain_colours(figure: Figure, stages: Sequence[ModelStage]) -> None:
    used = {_meaning(stage) for stage in stages}
    if any(_in_bands(stage) for stage in stages):
        used |= {"frozen", "trained in phase two"}
    patches = [
        Patch(facecolor=colour, edgecolor=_EDGE, label=meaning)
        for meaning, colour in _COLOURS.items()
        if meaning in used
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
    said = f"Phase one trains {head:,} of {total:,} parameters, phase two {fine_tune:,}."
    figure.text(0.5, 0.28 * low, said, ha="center", va="center", fontsize=11, color=drawing.INK)
