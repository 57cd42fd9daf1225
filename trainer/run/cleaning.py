"""What a folder of runs holds that is not needed any more."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.errors import RunFolderError, quoted, reason
from edgetl.edge.model.latest import REJECTED
from edgetl.trainer.data.cache_entries import CACHE_NAME
from edgetl.trainer.run.lock import is_held
from edgetl.trainer.run.options import CleanOptions
from edgetl.trainer.run.overview import list_runs, size_of


@dataclass(frozen=True)
class Unneeded:
    """A file or folder that can be removed, its bytes, and why."""

    path: Path
    bytes: int
    why: str


def unneeded(options: CleanOptions) -> list[Unneeded]:
    """What can be removed: interrupted runs, older ones if asked, rejected exports and the cache.

    Runs that are being trained stay, and so does the cache while there is one.

    Raises:
        RunFolderError: there is no such folder.
    """
    return [Unneeded(path, size_of(path), why) for path, why in _unneeded(options)]


def _unneeded(options: CleanOptions) -> Iterator[tuple[Path, str]]:
    runs = list_runs(options.runs)
    finished = [run for run in runs if run.state == "finished"]
    old = finished[options.keep :] if options.keep is not None else []
    for run in runs:
        if run.state == "interrupted":
            yield run.path, "its training did not finish"
        elif run in old and not run.latest:
            yield run.path, f"not among the newest {options.keep}"
        else:
            # Not NAME.earlier.tflite, which is the last that was accepted.
            for path in sorted((run.path / "exports").glob(f"*{REJECTED}")):
                yield path, "failed its check in export"
    cache = options.runs / CACHE_NAME
    if cache.is_dir() and not any(run.state == "training" for run in runs):
        yield cache, "decoded photos and unpacked archives, made again when they are needed"


def remove(found: Iterable[Unneeded]) -> None:
    """Remove files and folders.

    Raises:
        RunFolderError: one cannot be removed, or a training has taken it up.
    """
    for item in found:
        if item.path.is_dir() and is_held(item.path):
            raise RunFolderError(f"{quoted(item.path)}: another training writes there; it stays")
        try:
            if item.path.is_dir():
                shutil.rmtree(item.path)
            else:
                item.path.unlink()
        except OSError as error:
            raise RunFolderError(f"{quoted(item.path)}: {reason(error)}; it stays") from error
