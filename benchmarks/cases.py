"""What is to be measured: the rows, and the pictures that they are asked about."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path, PurePath

from edgetl.benchmarks.measured import KERAS, Failure, NothingMeasuredError, runs_keras
from edgetl.benchmarks.pack import Packed, read_pack
from edgetl.benchmarks.pictures import (
    MOST_PICTURES,
    Pictures,
    balanced,
    drawn_pictures,
    folder_pictures,
    held_out_pictures,
)
from edgetl.edge.errors import EdgetlError, ModelFileError, RunFolderError, SettingError, quoted
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.latest import exported_models
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.runtime import choose_runtime, default_threads, installed_runtimes
from edgetl.trainer.data.dataset import scan
from edgetl.trainer.run.folder import FinishedRun, find_run, read_run


@dataclass(frozen=True)
class Subject:
    """A row to be measured.

    Attributes:
        name: as Row's.
        engine: as Row's.
        module: the engine's, see edgetl.benchmarks.process.engine.
        path: of the model file.
        runtime: of the files that several can run.
        threads: to infer with.
        labels: of a file that holds none.
        columns: where each class of the pictures is among the model's; None if they do not match.
        input_size: of the model's input.
        bytes: of the file.
        sha256: of the file.
    """

    name: str
    engine: str
    module: str
    path: Path
    runtime: str
    threads: int
    labels: tuple[str, ...] | None
    columns: tuple[int, ...] | None
    input_size: InputSize
    bytes: int
    sha256: str

    @property
    def is_keras(self) -> bool:
        """As Row's."""
        return runs_keras(self.engine)


@dataclass(frozen=True)
class Plan:
    """A whole benchmark. `packed` holds Keras' part where it was measured elsewhere."""

    pictures: Pictures
    subjects: tuple[Subject, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]
    packed: Packed | None


@dataclass(frozen=True)
class _File:
    name: str
    model: ModelFile
    holds_labels: bool


def plan(
    targets: Sequence[Path],
    folder: Path,
    *,
    data: Path | None = None,
    labels: Sequence[str] | None = None,
    runtimes: Sequence[str] = (),
    threads: Sequence[int] = (),
    most: int = MOST_PICTURES,
) -> Plan:
    """Find what is to be measured.

    Args:
        targets: run folders (one at most), .tflite files and packs (one at most); none for
            runs/latest.
        folder: for pictures that are drawn or come in a pack.
        data: see `held_out_pictures`; files without a run are judged on these pictures, or only
            timed on drawn ones.
        labels: the classes of files that hold none.
        runtimes: names; default all that are installed.
        threads: default as many as `classify` takes.
        most: pictures at most.

    Raises:
        NothingMeasuredError: no file can be read, and there is no run.
        EdgetlError: there is nothing to measure, no such thing, or two of what there can be one of.
    """
    run, packed, paths = _sorted_out(targets, folder, data)
    chosen = [choose_runtime(name) for name in dict.fromkeys(runtimes)] or installed_runtimes()
    if not chosen:
        choose_runtime()  # says how to install one
    numbers = list(dict.fromkeys(threads)) or [default_threads()]
    known = run.labels if run else packed.pictures.labels if packed else None
    found = scan(data) if data and not run else None
    fallback = labels or known or (found.labels if found else None)
    files, failures = _read_files(paths, fallback)
    if not files and not run:
        raise NothingMeasuredError(failures)
    if run:
        pictures = held_out_pictures(run, data)
    elif packed:
        pictures = packed.pictures
    elif found:
        pictures = folder_pictures(found, _labels_for(found.labels, files))
    else:
        pictures = drawn_pictures(folder / "drawn", files[0].model.labels)
    notes = []
    if pictures.truth and len(pictures.truth) > most:
        places = balanced(pictures.truth, most)
        notes.append(f"on {most} of {len(pictures.truth)} pictures, the classes balanced")
        packed = packed.of(places) if packed else None
        pictures = pictures.of(places)
    subjects = [] if not run else [_keras(run, number) for number in numbers]
    for file in files:
        columns = _columns(file.model.labels, pictures.labels)
        if columns is None and pictures.truth:
            notes.append(
                f"{file.name}: its labels ({_few(file.model.labels)}) are not the pictures' "
                f"({_few(pictures.labels)}): only timed"
            )
        for runtime in chosen:
            subjects += [
                Subject(
                    name=file.name,
                    engine=f"{runtime.name} {runtime.version}",
                    module="edgetl.benchmarks.process.tflite_engine",
                    path=file.model.path,
                    runtime=runtime.name,
                    threads=number,
                    labels=None if file.holds_labels else file.model.labels,
                    columns=columns,
                    input_size=file.model.input_size,
                    bytes=len(file.model.content),
                    sha256=hashlib.sha256(file.model.content).hexdigest(),
                )
                for number in numbers
            ]
    return Plan(pictures, tuple(subjects), tuple(failures), tuple(notes), packed)


def _sorted_out(
    targets: Sequence[Path], folder: Path, data: Path | None
) -> tuple[FinishedRun | None, Packed | None, list[Path]]:
    packs = [path for path in targets if path.suffix.lower() == ".zip"]
    files = [path for path in targets if path not in packs and path.is_file()]
    folders = [path for path in targets if path not in packs and path not in files]
    for path in list(folders):
        if path.suffix.lower() == ".tflite" and not path.is_dir():
            raise ModelFileError(f"{quoted(path)}: no such file; check the path")
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
    exported = exported_models(run.folder.exports)
    if not exported and not files:
        raise RunFolderError(
            f"{quoted(run.folder.exports)}: nothing exported yet; make a file with: edgetl export"
        )
    return run, None, _each_once([*exported, *files])


def _each_once(paths: Sequence[Path]) -> list[Path]:
    return list({path.resolve(): path for path in reversed(paths)}.values())[::-1]


def _read_files(
    paths: Sequence[Path], labels: Sequence[str] | None
) -> tuple[list[_File], list[Failure]]:
    files, failures = [], []
    for path, name in zip(paths, _names(paths), strict=True):
        try:
            files.append(_read_file(name, path.absolute(), labels))
        except ModelFileError as error:
            failures.append(Failure(name, "", 0, str(error)))
    return files, failures


def _names(paths: Sequence[Path]) -> list[str]:
    """The shortest ends of different paths that tell them, and Keras, apart."""
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


def _read_file(name: str, path: Path, labels: Sequence[str] | None) -> _File:
    try:
        return _File(name, read_model_file(path), True)
    except ModelFileError:
        if not labels:
            raise
        try:
            return _File(name, read_model_file(path, labels=labels), False)
        except EdgetlError as error:
            raise ModelFileError(str(error)) from None


def _labels_for(found: tuple[str, ...], files: Sequence[_File]) -> tuple[str, ...]:
    """The labels of the first file that knows all classes of the pictures, else theirs."""
    known = (file.model.labels for file in files if set(found) <= set(file.model.labels))
    return next(known, found)


def _columns(of_model: tuple[str, ...], of_pictures: tuple[str, ...]) -> tuple[int, ...] | None:
    if of_model == of_pictures:
        return tuple(range(len(of_pictures)))
    if sorted(of_model) != sorted(of_pictures) or len(set(of_model)) < len(of_model):
        return None
    return tuple(of_model.index(label) for label in of_pictures)


def _few(labels: Sequence[str]) -> str:
    return ", ".join(map(quoted, labels[:3])) + (", ..." if len(labels) > 3 else "")


def _keras(run: FinishedRun, threads: int) -> Subject:
    try:
        engine = f"TensorFlow {version('tensorflow')}"
    except PackageNotFoundError:
        engine = "TensorFlow"  # its process will say that it is not installed
    content = run.folder.model.read_bytes()
    return Subject(
        name=KERAS,
        engine=engine,
        module="edgetl.benchmarks.process.keras_engine",
        path=run.folder.model.absolute(),
        runtime="",
        threads=threads,
        labels=None,
        columns=tuple(range(len(run.labels))),
        input_size=run.input_size,
        bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
