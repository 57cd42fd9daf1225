"""A command that a service runs, and what it needs of the system."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgetl.edge.errors import EdgetlError


@dataclass(frozen=True)
class Job:
    """What is the command's own in a service. Its paths are absolute, and those of the system.

    Attributes:
        description: what it does, for people.
        arguments: of `edgetl`: the command's name and its options.
        shown: the same as they may be shown, without secrets.
        private: whether there is a secret in `arguments`.
        secrets: lines of variables that only root may read; "" for none.
        paths: what its options name, each behind its option.
        reads: files that its user must be allowed to read.
        writes: files and folders that its user must be allowed to write.
        runs: programs that its user must be allowed to run, besides edgetl.
        devices, groups, network, results_to_journal: see `edge.service.unit.Service`.
        folders: those that files are written to, each once.
        keeps_key: whether it lets viewers in by a key, which outlives a restart.
        refused: what it would fail of, what says most first.
    """

    description: str
    arguments: Sequence[str]
    shown: Sequence[str]
    private: bool = False
    secrets: str = ""
    paths: Sequence[tuple[str, Path]] = ()
    reads: Sequence[Path] = ()
    writes: Sequence[Path] = ()
    runs: Sequence[Path] = ()
    devices: Sequence[str] = ()
    groups: Sequence[str] = ()
    folders: Sequence[PurePosixPath] = ()
    network: bool = False
    results_to_journal: bool = False
    keeps_key: bool = False
    refused: Sequence[EdgetlError] = ()
