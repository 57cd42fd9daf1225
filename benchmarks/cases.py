"""What is to be measured: the cases, and the pictures that they are asked about."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath

from edgetl.benchmarks.measured import KERAS, Failure, NothingMeasuredError, runs_keras
from edgetl.benchmarks.options import BenchmarkOptions
from edgetl.benchmarks.pack import Packed, read_pack
from edgetl.benchmarks.pictures import (
    Pictures,
    balanced,
    drawn_pictures,
    folder_pictures,
    held_out_pictures,
    without_trained,
)
from edgetl.benchmarks.process.engine import Job
from edgetl.edge.errors import ModelFileError, RunFolderError, SettingError, quoted
from edgetl.edge.model.labels import read_labels
from edgetl.edge.model.latest import TAUGHT, exported_models
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.runtime import Runtime, choose_runtime, default_threads, installed_runtimes
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.system.files import why_no_file
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.run.folder import FinishedRun, find_run, read_run

_ENGINES = "edgetl.benchmarks.process"
# In `PlannedCase.columns`: a class that the model does not know.
NO_COLUMN = -1


@dataclass(frozen=True)
class PlannedCase:
    """A case to be measured.

    Attributes:
        name, engine, bytes, sha256: as Case's.
        job: its process's, but for the pictures.
        columns: where each class of the pictures is among the model's; None if they do not match.
    """

    name: str
    engine: str
    job: Job
    columns: tuple[int, ...] | None
    bytes: int
    sha256: str

    @property
    def is_keras(self) -> bool:
        """As Case's."""
        return runs_keras(self.engine)

    def failure(self, problem: str) -> Failure:
        """That it could not be measured, and why."""
        return Failure(self.name, self.engine, self.job.threads, problem)


@dataclass(frozen=True)
class Plan:
    """A whole benchmark. `packed` holds Keras' part where it was measured elsewhere."""

    pictures: Pictures
    cases: tuple[PlannedCase, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    packed: Packed | None


def plan(options: BenchmarkOptions, folder: Path) -> Plan:
    """Find what is to be measured.

    Args:
        options: whose paths may name one run or one pack. `data`: see `held_out_pictures`; files
            without a run are evaluated on these pictures, or only timed on drawn ones.
        folder: for pictures that are drawn or come in a pack.

    Raises:
        NothingMeasuredError: no file can be read, and there is no run.
        EdgetlError: there is nothing to measure, no such thing, or two of what there can be one of.
    """
    data, most = options.data, options.pictures
    labels = read_labels(options.labels) if options.labels else None
    run, packed, paths = _find_models(options.paths, folder, data)
    runtimes = dict.fromkeys(options.runtime)
    # Where none is installed, the error says how to install one.
    chosen = [choose_runtime(n) for n in runtimes] or installed_runtimes() or [choose_runtime()]
    numbers = list(dict.fromkeys(options.threads)) or [default_threads()]
    known = run.labels if run else packed.pictures.labels if packed else None
    found = scan(data) if data and not run else None
    fallback = labels or known or (found.labels if found else None)
    files, failures = _read_files(paths, fallback)
    if not files and not run:
        raise NothingMeasuredError(failures)
    notes: list[str] = []
    if run:
        pictures, notes = _run_pictures(run, options)
    elif packed:
        pictures = packed.pictures
    elif found:
        # The labels of the first file that knows all classes of the pictures, else theirs.
        of_files = (model.labels for _, model in files if set(found.labels) <= set(model.labels))
        pictures = folder_pictures(found, next(of_files, found.labels))
    else:
        pictures = drawn_pictures(folder / "drawn", files[0][1].labels)
    if pictures.targets and len(pictures.targets) > most:
        indices = balanced(pictures.targets, most)
        notes.append(f"on {most} of {len(pictures.targets)} pictures, the classes balanced")
        packed = packed.of(indices) if packed else None
        pictures = pictures.of(indices)
    cases = [] if not run else [_keras(run, number) for number in numbers]
    for name, model in files:
        columns = _columns(model.labels, pictures.labels)
        if columns is None and pictures.targets:
            notes.append(
                f"{name}: its labels ({_few(model.labels)}) are not the pictures' "
                f"({_few(pictures.labels)}): only timed"
            )
        cases += [
            _of_file(name, model, columns, runtime, number, options.normalize)
            for runtime in chosen
            for number in numbers
        ]
    return Plan(pictures, tuple(cases), tuple(failures), tuple(notes), packed)


def _run_pictures(run: FinishedRun, options: BenchmarkOptions) -> tuple[Pictures, list[str]]:
    """What a run's models are measured on, and notes."""
    pictures, notes = held_out_pictures(run, options.data)
    if pictures.split != "folder":
        return pictures, notes
    if options.trained_photos:
        return pictures, [*notes, "pictures that the run was trained on are not left out"]
    unseen, more = without_trained(pictures, run)
    return unseen, [*notes, *more]


def _of_file(
    name: str,
    model: ModelFile,
    columns: tuple[int, ...] | None,
    runtime: Runtime,
    threads: int,
    normalize: str | None,
) -> PlannedCase:
    job = Job(
        engine=f"{_ENGINES}.tflite_engine",
        model=str(model.path),
        runtime=runtime.name,
        threads=threads,
        labels=list(model.labels),
        input_size=model.input_size,
        # Not in place of what a file says of itself: there may be several.
        normalize=normalize if model.normalization is None else None,
    )
    return _planned(name, f"{runtime.name} {runtime.version}", job, model.content, columns)


def _find_models(
    targets: Sequence[Path], folder: Path, data: Path | None
) -> tuple[FinishedRun | None, Packed | None, list[Path]]:
    packs = [path for path in targets if path.suffix.lower() == ".zip"]
    files = [path for path in targets if path not in packs and path.is_file()]
    folders = [path for path in targets if path not in packs and path not in files]
    for path in folders:
        if path.suffix.lower() == ".tflite" and not path.is_dir():
            raise ModelFileError(f"{quoted(path)}: {why_no_file(path)}; check the path")
    if len(packs) + len(folders) > 1:
        names = ", ".join(map(quoted, [*folders, *packs]))
        raise SettingError(f"{names}: one run or one pack at a time; benchmark them one by one")
    if packs:
        if data is not None:
            raise SettingError("a pack brings its own pictures; leave --data out")
        packed = read_pack(packs[0], folder)
        return None, packed, _each_once([*packed.models, *files])
    if files and not folders:
        return None, None, _each_once(files)
    run = read_run(find_run(folders[0] if folders else None))
    # A taught file may have other classes than the run.
    exported = [
        path for path in exported_models(run.folder.exports) if not path.name.endswith(TAUGHT)
    ]
    if not exported and not files:
        raise RunFolderError(
            f"{quoted(run.folder.exports)}: nothing exported yet; make a file with: edgetl export"
        )
    return run, None, _each_once([*exported, *files])


def _each_once(paths: Sequence[Path]) -> list[Path]:
    return list({path.resolve(): path for path in reversed(paths)}.values())[::-1]


def _read_files(
    paths: Sequence[Path], labels: Sequence[str] | None
) -> tuple[list[tuple[str, ModelFile]], list[Failure]]:
    files, failures = [], []
    for path, name in zip(paths, _names(paths), strict=True):
        try:
            files.append((name, _read_file(path.absolute(), labels)))
        except ModelFileError as error:
            failures.append(Failure(name, "", 0, str(error)))
    return files, failures


def _names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of different paths that distinguish them, and Keras."""
    names = [_end(path, 1) for path in paths]
    for parts in range(2, max((len(path.absolute().parts) for path in paths), default=0) + 1):
        times = Counter([KERAS, *names])
        names = [
            name if times[name] == 1 else _end(path, parts)
            for path, name in zip(paths, names, strict=True)
        ]
    return names


def _end(path: Path, parts: int) -> str:
    name = path.name.removeprefix("model.").removesuffix(".tflite")
    return PurePath(*path.absolute().parts[-parts:-1], name).as_posix()


def _read_file(path: Path, labels: Sequence[str] | None) -> ModelFile:
    try:
        return read_model_file(path)
    except ModelFileError:
        if not labels:
            raise
        return read_model_file(path, labels=labels)


def _columns(of_model: tuple[str, ...], of_pictures: tuple[str, ...]) -> tuple[int, ...] | None:
    if of_model == of_pictures:
        return tuple(range(len(of_pictures)))
    if of_pictures == (*of_model, UNKNOWN):
        return (*range(len(of_model)), NO_COLUMN)
    if sorted(of_model) != sorted(of_pictures) or len(set(of_model)) < len(of_model):
        return None
    return tuple(of_model.index(label) for label in of_pictures)


def _few(labels: Sequence[str]) -> str:
    return ", ".join(map(quoted, labels[:3])) + (", ..." if len(labels) > 3 else "")


def _keras(run: FinishedRun, threads: int) -> PlannedCase:
    try:
        engine = f"TensorFlow {version('tensorflow')}"
    except PackageNotFoundError:
        engine = "TensorFlow"  # its process will say that it is not installed
    model = run.folder.model.absolute()
    job = Job(
        engine=f"{_ENGINES}.keras_engine",
        model=str(model),
        runtime="",
        threads=threads,
        labels=None,
        input_size=run.input_size,
    )
    return _planned(KERAS, engine, job, model.read_bytes(), tuple(range(len(run.labels))))


def _planned(
    name: str, engine: str, job: Job, content: bytes, columns: tuple[int, ...] | None
) -> PlannedCase:
    digest = hashlib.sha256(content).hexdigest()
    return PlannedCase(name, engine, job, columns, len(content), digest)
