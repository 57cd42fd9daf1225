"""The run folder: what `train` leaves, and what `export` and `benchmark` read."""

import itertools
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from edgetl.edge.errors import DataError, RunFolderError, SettingError, quoted, reason
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.labels import MOST_BYTES, labels_text, parse_labels
from edgetl.edge.model.latest import LATEST, RUNS, latest_run
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.system.files import read_regular_file, write_text
from edgetl.trainer.data.cache_entries import CACHE_NAME
from edgetl.trainer.data.dataset import Dataset
from edgetl.trainer.data.wording import some
from edgetl.trainer.run.lock import LOCK, held, is_held
from edgetl.trainer.run.options import UseOptions
from edgetl.trainer.run.records import RunConfig, RunMetrics, read_record
from edgetl.trainer.run.split_record import read_split


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.json"

    @property
    def labels(self) -> Path:
        return self.path / "labels.txt"

    @property
    def split(self) -> Path:
        return self.path / "split.json"

    @property
    def predictions(self) -> Path:
        """What models gave photos that they had not learned from."""
        return self.path / "predictions.json"

    @property
    def model(self) -> Path:
        return self.path / "model.keras"

    @property
    def unknown(self) -> Path:
        """Where the known classes lie; only in a run whose model tells what is none of them."""
        return self.path / "unknown.npz"

    @property
    def learned_unknown(self) -> Path | None:
        """The same, None where it is not there."""
        return self.unknown if self.unknown.is_file() else None

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoints" / "last.npz"

    @property
    def activations(self) -> Path:
        """What the frozen layers gave; gone when the run is finished."""
        return self.path / "checkpoints" / "activations"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def history(self) -> Path:
        return self.path / "history.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    def fine_tuned(self, fold: int) -> Path:
        """What fine-tuning changed without a fold, or of all photos; a later training starts there.

        Of all photos it is that of fold -1.
        """
        return self.path / "fine_tuned" / ("all.npz" if fold < 0 else f"fold-{fold}.npz")

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def doubtful(self) -> Path:
        """Training photos whose label is doubtful, as a file of moves."""
        return self.path / "doubtful.csv"

    @property
    def exports(self) -> Path:
        return self.path / "exports"

    @property
    def cache(self) -> Path:
        """Decoded pictures, shared by the runs beside this one."""
        return self.path.parent / CACHE_NAME


@dataclass(frozen=True)
class FinishedRun:
    """A run folder that has been read and checked. `dataset` has every picture's split.

    `unknown` is its unknown.npz, or None.
    """

    folder: RunFolder
    config: RunConfig
    metrics: RunMetrics
    input_size: InputSize
    dataset: Dataset
    unknown: Path | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of an exported file: those of the classes, and "unknown" last if it has it."""
        classes = self.dataset.labels
        return (*classes, UNKNOWN) if self.unknown and UNKNOWN not in classes else classes


@contextmanager
def new_run(path: Path | None, *, runs: Path = RUNS) -> Iterator[RunFolder]:
    """Make the folder of a new run, and hold it while the block runs.

    A run that is refused for its data or a setting leaves no folder behind, nor does one that
    ends before it could be resumed.

    Args:
        path: the folder; None for one in `runs` named by the date and time.
        runs: where that is made.

    Raises:
        RunFolderError: it exists and holds something, another training writes there, or it cannot
            be written.
    """
    made = path is None or not path.exists()
    with ExitStack() as stack:
        try:
            folder = _made_exclusively(runs) if path is None else path
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(held(folder))
            if any(file.is_file() and file.name != LOCK for file in folder.rglob("*")):
                raise RunFolderError(
                    f"{quoted(folder)}: already holds files, and a run never overwrites; "
                    f"choose another folder with --out"
                )
            run = RunFolder(folder)
            for inner in (run.checkpoint.parent, run.figures, run.exports):
                inner.mkdir(exist_ok=True)
        except OSError as error:
            raise RunFolderError(
                f"{quoted(path or runs)}: cannot be written: {reason(error)}; "
                f"choose another with --out"
            ) from error
        try:
            yield run
        except BaseException as error:
            refused = isinstance(error, DataError | SettingError)
            # Without config.json, `train --resume` and `runs` know nothing of the folder.
            if not run.checkpoint.exists() and (refused or not run.config.exists()):
                _empty(folder, remove=made)
            raise


def _made_exclusively(runs: Path) -> Path:
    """A new folder named by the date and time, and by a number where there is one already."""
    name = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    for number in itertools.count(1):
        folder = runs / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("numbers do not end")


def _empty(folder: Path, *, remove: bool) -> None:
    for inside in folder.iterdir():
        if inside.is_dir():
            shutil.rmtree(inside, ignore_errors=True)
        else:
            inside.unlink(missing_ok=True)
    if remove:
        folder.rmdir()


def use_run(options: UseOptions) -> RunFolder:
    """Point latest to a run, which commands then work on.

    Raises:
        RunFolderError: it is no finished run.
    """
    run = read_run(find_run(options.run)).folder
    point_latest_at(run)
    return run


def point_latest_at(run: RunFolder) -> None:
    """Make `latest`, beside the run, point to it."""
    latest = run.path.parent / LATEST
    if latest.exists() and not latest.is_symlink() and not latest.is_file():
        return
    link = latest.with_name(f".{LATEST}-{os.getpid()}")
    try:
        link.symlink_to(run.path.name, target_is_directory=True)
    except OSError:
        # Windows lets only administrators make links; a file with the name in it serves as well.
        write_text(latest, run.path.name)
    else:
        link.replace(latest)


def find_run(path: Path | None) -> RunFolder:
    """The run at `path`, or the newest finished one in ./runs.

    Raises:
        RunFolderError: there is none.
    """
    chosen = path or latest_run()
    if chosen is None:
        if finished := sorted(quoted(model.parent) for model in RUNS.glob("*/model.keras")):
            raise RunFolderError(f"{RUNS / LATEST}: names no run; name one: {some(finished)}")
        raise RunFolderError("no finished run in ./runs; train one with: edgetl train DATA")
    if chosen.name == LATEST:
        chosen = latest_run(chosen.parent) or chosen
    if not chosen.is_dir():
        if (RUNS / chosen).is_dir():
            raise RunFolderError(
                f"{quoted(chosen)}: no such run folder; there is {quoted(RUNS / chosen)}"
            )
        what = "not a folder; name a run's" if chosen.exists() else "no such run folder"
        raise RunFolderError(f"{quoted(chosen)}: {what}; `edgetl train` makes one")
    return RunFolder(chosen)


def find_interrupted(path: Path | None) -> RunFolder:
    """The run at `path`, or the newest in runs/ whose training was begun, has not finished and
    is not going on.

    Raises:
        RunFolderError: there is none.
    """
    if path is not None:
        return RunFolder(path)
    begun = [RunFolder(config.parent) for config in RUNS.glob("*/config.json")]
    open_runs = [
        run
        for run in begun
        if not run.model.is_file() and not run.path.is_symlink() and not is_held(run.path)
    ]
    if not open_runs:
        raise RunFolderError(
            f"no interrupted training in ./{RUNS}; name its folder with --out, or train "
            f"without --resume"
        )
    return max(open_runs, key=lambda run: run.config.stat().st_mtime)


def read_started(run: RunFolder) -> RunConfig:
    """config.json of a run whose training has begun and not finished.

    Raises:
        RunFolderError: no training has begun there, or it has finished.
    """
    if run.model.is_file():
        raise RunFolderError(f"{quoted(run.path)}: is finished; there is nothing to resume")
    if not run.config.is_file():
        raise RunFolderError(
            f"{quoted(run.path)}: no training has begun there; train without --resume"
        )
    return read_record(run.config, RunConfig)


def read_run(run: RunFolder) -> FinishedRun:
    """Read a finished run.

    Raises:
        RunFolderError: a file is missing or damaged; the message names it.
    """
    if not run.model.is_file():
        raise RunFolderError(
            f"{quoted(run.path)}: has no {run.model.name}: no run, or one whose training did not "
            f"finish; train again, or name another run"
        )
    config = read_record(run.config, RunConfig)
    try:
        labels = parse_labels(read_regular_file(run.labels, at_most=MOST_BYTES))
    except OSError as error:
        raise RunFolderError(f"{quoted(run.labels)}: {reason(error)}") from error
    except ValueError as error:
        raise RunFolderError(f"{quoted(run.labels)}: damaged; train again") from error
    dataset = read_split(run.split, Path(config.data.path), labels)
    return FinishedRun(
        folder=run,
        config=config,
        metrics=read_record(run.metrics, RunMetrics),
        input_size=config.recipe.input_size,
        dataset=dataset,
        unknown=run.learned_unknown,
    )


def write_labels(run: RunFolder, labels: Sequence[str]) -> None:
    """Write labels.txt: one class a line, in index order."""
    write_text(run.labels, labels_text(labels))
