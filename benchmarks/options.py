"""The options of `edgetl benchmark`. Imports nothing heavy: --help and services read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from edgetl.edge.model.normalization import normalization_text
from edgetl.edge.options import Option, Options

_MEASURED, _WRITTEN = "What is measured", "What is written"


@dataclass(frozen=True)
class BenchmarkOptions(Options):
    """What to benchmark, on what, and what to write besides the results.

    Raises:
        SettingError: a value is not allowed.
    """

    paths: Annotated[
        tuple[Path, ...],
        Option(
            "A run, .tflite files, a pack of another machine's.",
            unset="runs/latest",
            argument=True,
            metavar="RUN|MODEL|PACK",
        ),
    ] = ()
    data: Annotated[
        Path | None,
        Option(
            "Other pictures, a folder a class; or where a run's are now.",
            unset="a run's held-out pictures",
            group=_MEASURED,
            metavar="DIR",
        ),
    ] = None
    trained_photos: Annotated[
        bool,
        Option(
            "Also on pictures of --data that the run was trained on.",
            group=_MEASURED,
            common=False,
        ),
    ] = False
    labels: Annotated[
        Path | None,
        Option(
            "Classes of files that hold none, one a line.",
            unset="the run's or --data's",
            group=_MEASURED,
            common=False,
            metavar="FILE",
        ),
    ] = None
    normalize: Annotated[
        str | None,
        Option(
            "Range that pixels of float files which do not say are scaled to, or MEAN,STD.",
            unset="as each file says",
            group=_MEASURED,
            common=False,
            metavar="0,1|-1,1|0,255|MEAN,STD",
            parse=normalization_text,
        ),
    ] = None
    runtime: Annotated[
        tuple[Literal["litert", "tflite-runtime"], ...],
        Option("Runtimes; repeatable.", unset="all installed", group=_MEASURED),
    ] = ()
    threads: Annotated[
        tuple[int, ...],
        Option(
            "Repeatable.",
            unset="the cores here, 4 at most",
            # Thousands would leave none for the other cases' processes.
            low=1,
            high=256,
            group=_MEASURED,
            metavar="N",
        ),
    ] = ()
    rounds: Annotated[
        int, Option("Each case is timed once a round.", low=1, group=_MEASURED, metavar="N")
    ] = 15
    pictures: Annotated[
        int,
        Option(
            "At most, the classes balanced.",
            reason="more tell little more",
            low=1,
            group=_MEASURED,
            metavar="N",
        ),
    ] = 1000
    pack: Annotated[
        Path | None,
        Option(
            "Pack models, pictures and Keras' answers for a device.",
            group=_WRITTEN,
            metavar="[FILE]",
            alone="pack.zip",
            is_value=lambda text: text.lower().endswith(".zip"),
        ),
    ] = None
    report: Annotated[
        Path | None,
        Option("Write a page with figures and the method.", group=_WRITTEN, metavar="DIR"),
    ] = None
