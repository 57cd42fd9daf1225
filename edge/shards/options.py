"""The options of `edgetl index` and `classify --index`. Importing them loads nothing heavy."""

import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.model.options import (
    LabelsOption,
    ModelOption,
    NormalizeOption,
    RuntimeOption,
    ThreadsOption,
    ThresholdOption,
    TopKOption,
    UnknownAtOption,
)
from edgetl.edge.options import Option, Options

_shards = partial(Option, group="Many pictures, in shards", common=False)


@dataclass(frozen=True)
class Part:
    """The share of all shards that one of several processes takes: those whose number modulo
    `count` is `number`.

    Raises:
        SettingError: there is no such part.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.count:
            last = self.count - 1
            raise SettingError(
                f"--shard {self}: parts count from 0, so that the last of {self.count} is "
                f"{last}/{self.count}"
                if self.count
                else f"--shard {self}: of no parts; give 0/1 or more"
            )

    def __str__(self) -> str:
        """As it is typed."""
        return f"{self.number}/{self.count}"


def parse_part(text: str) -> Part:
    """The part that is typed as 0/16, the first of 16.

    Raises:
        SettingError: it is none.
    """
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if found is None:
        raise SettingError(f"--shard {quoted(text)!r}: give a part and how many there are: 0/16")
    return Part(int(found[1]), int(found[2]))


@dataclass(frozen=True)
class IndexOptions(Options):
    """Which pictures are listed, and where the list goes."""

    photos: Annotated[
        str,
        Option("A folder, or a URL such as s3://bucket/folder.", argument=True, metavar="FOLDER"),
    ]
    out: Annotated[Path, Option("Folder for the index.", metavar="DIR")] = Path("index")
    shard_rows: Annotated[
        int,
        Option(
            "Pictures in a shard.",
            reason="a minute's work, and what a process that is killed loses at most",
            low=1,
            high=1_000_000,
            common=False,
        ),
    ] = 10_000


@dataclass(frozen=True)
class ClassifyIndexOptions(Options):
    """Which index is classified, with which model, and where the results go.

    Raises:
        SettingError: a value is not allowed, or does not fit the others.
    """

    index: Annotated[
        Path, _shards("Classify the pictures that `edgetl index` listed.", metavar="DIR")
    ]
    out: Annotated[
        Path, _shards("Folder for the results of --index, a file for each shard.", metavar="DIR")
    ] = Path("results")
    shard: Annotated[
        Part | None,
        _shards(
            "The part of the shards to do here: 0/16 is the first of 16.",
            unset="all that no other process does",
            metavar="I/N",
            parse=parse_part,
        ),
    ] = None
    ray: Annotated[
        str | None,
        _shards(
            "Do them on a Ray cluster, one on each core: its address, or local.",
            unset="in this process",
            metavar="ADDRESS|local",
        ),
    ] = None
    model: ModelOption = None
    labels: LabelsOption = None
    normalize: NormalizeOption = None
    threads: ThreadsOption = None
    runtime: RuntimeOption = "auto"
    top_k: TopKOption = 3
    threshold: ThresholdOption = 0.0
    unknown_at: UnknownAtOption = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ray is not None and self.threads is not None:
            raise SettingError("--ray gives each core a shard of its own; leave --threads out")
