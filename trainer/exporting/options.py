"""The options of `edgetl export`. Imports nothing heavy: --help and the documentation read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from edgetl.edge.errors import SettingError
from edgetl.edge.options import Option, Options
from edgetl.edge.teach.options import MOST_SAMPLED

Quantization = Literal["none", "float16", "dynamic", "int8"]
InputType = Literal["uint8", "float32"]
AUTO = "auto"
# The search for layers to leave in float stops after this time with the best set found so far.
SEARCH_SECONDS = 300


@dataclass(frozen=True)
class ExportOptions(Options):
    """What to export, how, and what a file must reach to be accepted."""

    run: Annotated[
        Path | None, Option("Run folder.", unset="runs/latest", argument=True, metavar="RUN")
    ] = None
    quantize: Annotated[
        tuple[Literal[Quantization, "all"], ...],
        Option("none is float32. Repeatable.", unset="none"),
    ] = ()
    unknown: Annotated[
        Literal["on", "off"] | None,
        Option(
            'A last label "unknown", for pictures that are like none of the classes.',
            unset="on, where the run learned it",
            common=False,
        ),
    ] = None
    teachable: Annotated[
        bool,
        Option(
            f"Put features of up to {MOST_SAMPLED} training photos into the files, from which "
            f"edgetl teach goes on.",
            reason="0.39 MB at most",
            common=False,
        ),
    ] = True
    input: Annotated[
        InputType,
        Option("Input of int8 files.", reason="takes frames as is", group="int8"),
    ] = "uint8"
    calibration: Annotated[
        int,
        Option(
            "Training pictures that give int8's ranges.",
            reason="20 to 500 do as well",
            low=1,
            group="int8",
            metavar="N",
        ),
    ] = 100
    keep_float: Annotated[
        tuple[str, ...],
        Option(
            f"Layers left in float; auto finds the fewest that make a file pass, within "
            f"{SEARCH_SECONDS // 60} minutes. Repeatable.",
            unset="none",
            group="int8",
            metavar="auto|LAYER",
        ),
    ] = ()
    max_drop: Annotated[
        float,
        Option(
            "Percentage points of accuracy whose loss the check must exclude; a file that loses "
            "them is named NAME.rejected.tflite.",
            reason="150 photos tell",
            low=0.5,
            group="The check",
            metavar="POINTS",
        ),
    ] = 2.0
    data: Annotated[
        Path | None,
        Option(
            "Where the photos are now.",
            unset="where they were in training",
            group="The check",
            metavar="DIR",
        ),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.keep_float and "int8" not in self.quantizations:
            raise SettingError("--keep-float is for int8 files; add --quantize int8")
        if AUTO in self.keep_float and len(self.keep_float) > 1:
            raise SettingError("--keep-float auto chooses the layers itself; leave the names out")

    @property
    def quantizations(self) -> tuple[Quantization, ...]:
        """`quantize` without repetitions, in the order of export; "all" is every one."""
        wanted = self.quantize or ("none",)
        return tuple(q for q in get_args(Quantization) if q in wanted or "all" in wanted)
