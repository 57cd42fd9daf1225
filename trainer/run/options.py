"""The options of `edgetl runs`."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from edgetl.edge.model.latest import RUNS
from edgetl.edge.options import Option, Options

_Run = partial(Option, "Run folder.", argument=True)
_Runs = Annotated[Path, Option("Folder of runs.", argument=True, metavar="RUNS")]


@dataclass(frozen=True)
class ListOptions(Options):
    """What `edgetl runs list` lists."""

    runs: _Runs = RUNS


@dataclass(frozen=True)
class CompareOptions(Options):
    """What `edgetl runs compare` compares."""

    first: Annotated[Path, _Run(metavar="A")]
    second: Annotated[Path, _Run(metavar="B")]


@dataclass(frozen=True)
class UseOptions(Options):
    """What `edgetl runs use` points latest to."""

    run: Annotated[Path, _Run(metavar="RUN")]


@dataclass(frozen=True)
class CleanOptions(Options):
    """What `edgetl runs clean` removes."""

    runs: _Runs = RUNS
    keep: Annotated[
        int | None,
        Option("Finished runs to keep, the newest; latest always stays.", unset="all", low=0),
    ] = None
    yes: Annotated[bool, Option("Remove it, and not only list it.")] = False
