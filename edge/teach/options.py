"""The options of `edgetl teach`. Importing them loads neither NumPy nor OpenCV."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgetl.edge.errors import SettingError
from edgetl.edge.model.options import ModelOption, RuntimeOption, ThreadsOption
from edgetl.edge.options import Option, Options

# A model file holds features of so many training photos at most: 0.39 MB.
MOST_SAMPLED = 300


@dataclass(frozen=True)
class TeachOptions(Options):
    """What a model is taught, and where the taught one goes.

    Raises:
        SettingError: a value is not allowed.
    """

    photos: Annotated[
        Path,
        Option(
            "Folder with a folder of photos for each class, as collect writes it.",
            argument=True,
            metavar="PHOTOS",
        ),
    ]
    model: ModelOption = None
    out: Annotated[
        Path | None,
        Option(
            "The taught .tflite file.",
            unset="MODEL.taught.tflite, beside the model",
            metavar="FILE",
        ),
    ] = None
    max_drop: Annotated[
        float,
        Option(
            "Percentage points of accuracy on the classes from before whose loss rejects the "
            "taught file.",
            reason="60 photos tell",
            low=0.5,
            metavar="POINTS",
        ),
    ] = 5.0
    threads: ThreadsOption = None
    runtime: RuntimeOption = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out is not None and self.out.suffix != ".tflite":
            raise SettingError(f"--out {self.out}: name a file that ends in .tflite")
