"""The options of `edgetl explain`. Importing them loads neither NumPy nor OpenCV."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgetl.edge.errors import SettingError
from edgetl.edge.model.options import (
    LabelsOption,
    ModelOption,
    NormalizeOption,
    RuntimeOption,
    ThreadsOption,
)
from edgetl.edge.options import Option, Options


@dataclass(frozen=True)
class ExplainOptions(Options):
    """Which photos are explained, by which model, and where the pictures go.

    Raises:
        SettingError: a value is not allowed, or no photo is named.
    """

    files: Annotated[
        tuple[str, ...],
        Option(
            "Photos; - for paths on stdin.",
            argument=True,
            metavar="PHOTOS|FOLDERS|GLOBS",
        ),
    ] = ()
    label: Annotated[
        str | None,
        Option("The class whose evidence is shown.", unset="the best one", metavar="LABEL"),
    ] = None
    out: Annotated[
        Path,
        Option("Folder for the pictures, PHOTO.why.png each.", metavar="DIR"),
    ] = Path("explained")
    model: ModelOption = None
    labels: LabelsOption = None
    normalize: NormalizeOption = None
    threads: ThreadsOption = None
    runtime: RuntimeOption = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.files:
            raise SettingError("nothing to explain: name photos or folders")
