"""The options that say which model runs, and how: stated once for the commands that take them."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from edgetl.edge.model.normalization import normalization_text
from edgetl.edge.model.precision import Precision, parse_threshold
from edgetl.edge.options import Option

SOURCE_AND_MODEL = "Source and model"
STABLE_LABELS = "Stable labels"

_model = partial(Option, group=SOURCE_AND_MODEL)

ModelOption: TypeAlias = Annotated[
    Path | None, _model("A .tflite file.", unset="the newest export, or only one here")
]
LabelsOption: TypeAlias = Annotated[
    Path | None, _model("Names of the classes, one a line.", unset="the model's own")
]
NormalizeOption: TypeAlias = Annotated[
    str | None,
    _model(
        "Range that a float model's pixels are scaled to, or MEAN,STD of pixels 0 to 255.",
        unset="as the model says",
        metavar="0,1|-1,1|0,255|MEAN,STD",
        parse=normalization_text,
        common=False,
    ),
]
ThreadsOption: TypeAlias = Annotated[
    int | None, _model("CPU threads.", unset="the cores, 4 at most", low=1, high=256)
]
RuntimeOption: TypeAlias = Annotated[
    Literal["auto", "litert", "tflite-runtime"],
    _model("Interpreter library.", reason="what is installed", common=False),
]
TopKOption: TypeAlias = Annotated[int, Option("Classes shown.", group="Results", low=1)]
ThresholdOption: TypeAlias = Annotated[
    float | Precision,
    Option(
        'Below it the label is "unsure"; P or precision=P.',
        reason="off",
        group=STABLE_LABELS,
        metavar="P",
        low=0,
        high=1,
        parse=parse_threshold,
    ),
]
UnknownAtOption: TypeAlias = Annotated[
    float | None,
    Option(
        'Probability from which on a picture is "unknown"; a lower one lets fewer pass.',
        unset="0.5",
        group=STABLE_LABELS,
        metavar="P",
        above=0,
        below=1,
        common=False,
    ),
]
