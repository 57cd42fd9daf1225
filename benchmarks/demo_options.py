"""The options of `edgetl demo`. Imports nothing heavy: --help and the documentation read them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgetl.edge.options import Option, Options


@dataclass(frozen=True)
class DemoOptions(Options):
    """Where the demo goes."""

    out: Annotated[Path, Option("Folder for the pictures and the run.", metavar="DIR")] = Path(
        "edgetl-demo"
    )
