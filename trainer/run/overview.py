"""The runs of a folder, and how two of them differ. Imports no TensorFlow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from edgetl.edge.errors import RunFolderError, quoted
from edgetl.edge.model.latest import RUNS, exported_models, latest_run
from edgetl.edge.options import settings
from edgetl.trainer.data.dataset import SPLITS, Split
from edgetl.trainer.metrics import SplitMetrics
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import FinishedRun, RunFolder, find_run, read_run
from edgetl.trainer.run.lock import is_held
from edgetl.trainer.run.records import FromRecord, RunConfig, RunMetrics, read_record

State = Literal["finished", "training", "interrupted", "damaged"]


@dataclass(frozen=True)
class RunOverview:
    """A run in a line.

    Attributes:
        path: its folder.
        state: "training" while a process holds it; "damaged" where a file cannot be read.
        latest: whether runs/latest points to it.
        created: the date and time, ISO 8601 in UTC.
        data: the photos.
        from_run: the name of the run that it went on from; None without one.
        pictures: that were used, in all splits; None before they are read.
        image_size: HEIGHTxWIDTH.
        split: what `accuracy` (0..1) was measured on.
        exports: the names of the files that passed their check.
        bytes: of all its files.
    """

    path: Path
    state: State
    latest: bool
    created: str | None
    data: str | None
    from_run: str | None
    pictures: int | None
    image_size: str | None
    split: Split | None
    accuracy: float | None
    exports: tuple[str, ...]
    bytes: int


@dataclass(frozen=True)
class Comparison:
    """Two finished runs, side by side.

    Attributes:
        settings: by name the values of the settings that differ.
        metrics: of each split; None for one without pictures.
        same_pictures: of each split, whether both were measured on the same files.
    """

    settings: Mapping[str, tuple[Any, Any]]
    metrics: Mapping[Split, tuple[SplitMetrics | None, SplitMetrics | None]]
    same_pictures: Mapping[Split, bool]


def list_runs(runs: Path = RUNS) -> list[RunOverview]:
    """The runs in a folder, newest first.

    Raises:
        RunFolderError: there is no such folder.
    """
    if not runs.is_dir():
        what = "not a folder; name one of runs" if runs.exists() else "no such folder of runs"
        raise RunFolderError(f"{quoted(runs)}: {what}; `edgetl train` makes one")
    folders = {path.parent for path in runs.glob("*/config.json")}
    latest = latest_run(runs)
    found = [_overview(path, latest) for path in folders if not path.is_symlink()]
    return sorted(found, key=lambda run: (run.created or "", run.path.name), reverse=True)


def _overview(path: Path, latest: Path | None) -> RunOverview:
    run = RunFolder(path)
    finished = run.model.is_file()
    state: State = "finished" if finished else "training" if is_held(path) else "interrupted"
    config = metrics = None
    try:
        config = read_record(run.config, RunConfig)
        metrics = read_record(run.metrics, RunMetrics) if finished else None
    except RunFolderError:
        state = "damaged"
    split: Split | None = None
    if metrics:
        split = "test" if metrics.splits.get("test") else "validation"
    figures = metrics.splits.get(split) if metrics and split else None
    counted = config.data.pictures if config else None
    recipe = config.recipe if config else None
    return RunOverview(
        path=path,
        state=state,
        latest=latest is not None and latest.resolve() == path.resolve(),
        created=config.created if config else None,
        data=config.data.path if config else None,
        from_run=config.from_run.name if config and config.from_run else None,
        pictures=sum(sum(classes.values()) for classes in counted.values()) if counted else None,
        image_size=f"{recipe.height}x{recipe.width}" if recipe else None,
        split=split,
        accuracy=figures.accuracy if figures else None,
        exports=tuple(model.name for model in exported_models(run.exports)),
        bytes=size_of(path),
    )


def size_of(path: Path) -> int:
    """The bytes of a file, or of all files in a folder; of one that is gone, 0."""
    try:
        if path.is_dir() and not path.is_symlink():
            return sum(size_of(inside) for inside in path.iterdir())
        return path.lstat().st_size
    except OSError:
        return 0


def compare_runs(first: Path, second: Path) -> Comparison:
    """How two finished runs differ.

    Raises:
        RunFolderError: one of them is no finished run.
    """
    runs = [read_run(find_run(path)) for path in (first, second)]
    a, b = (vars(run.config.recipe) for run in runs)
    names = [setting.name for setting in settings(Recipe) if a[setting.name] != b[setting.name]]
    changed: dict[str, tuple[Any, Any]] = {name: (a[name], b[name]) for name in names}
    photos = [run.config.data for run in runs]
    if photos[0].path != photos[1].path or photos[0].fingerprint != photos[1].fingerprint:
        changed["data"] = (_named(runs[0], runs), _named(runs[1], runs))
    before = [run.config.from_run for run in runs]
    if before[0] != before[1]:
        changed["from"] = (_shown_run(before[0]), _shown_run(before[1]))
    return Comparison(
        settings=changed,
        metrics={
            split: (runs[0].metrics.splits.get(split), runs[1].metrics.splits.get(split))
            for split in SPLITS
        },
        same_pictures={split: _files(runs[0], split) == _files(runs[1], split) for split in SPLITS},
    )


def _shown_run(before: FromRecord | None) -> str:
    return before.name if before else "-"


def _named(run: FinishedRun, runs: Sequence[FinishedRun]) -> str:
    data = run.config.data
    same = len({other.config.data.path for other in runs}) == 1
    return f"{data.path}, {(data.fingerprint or '')[:8]}" if same else data.path


def _files(run: FinishedRun, split: Split) -> set[str]:
    return {run.dataset.examples[i].file for i in run.dataset.of(split)}
