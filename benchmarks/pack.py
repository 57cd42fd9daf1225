"""A benchmark's pictures, models and Keras' part in one file, for a device without TensorFlow.

A pack is a zip of pack.json, models/, pictures/ and keras.f32, Keras' probabilities as float32
[pictures, classes], little-endian. pack.json names every other member with its SHA-256. Nothing is
unpacked that it does not name, nor by a name of the archive's.
"""

import hashlib
import json
import os
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from edgetl import __version__
from edgetl.benchmarks.measured import Case
from edgetl.benchmarks.pictures import Pictures, balanced
from edgetl.benchmarks.record import check_case, plain
from edgetl.edge.errors import EdgetlError, quoted, reason
from edgetl.edge.system.files import replacing
from edgetl.edge.system.json_record import DamagedError, from_json
from edgetl.trainer.metrics import Probabilities

FORMAT: Literal[1] = 1

# Pictures' original bytes up to here; beyond, fewer pictures are packed.
MOST_PICTURE_BYTES = 200 * 10**6

# What a pack may unpack to.
_MOST_BYTES = 2 * 10**9
_MOST_MEMBERS = 20_000
_MOST_RATIO = 20
_RATIO_FROM_BYTES = 10**7
_MOST_FACTS_BYTES = 50 * 10**6

_FACTS = "pack.json"
_PROBABILITIES = "keras.f32"

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    RuntimeError,  # zipfile's, of an encrypted member or an unknown compression
    EOFError,
    RecursionError,
    LookupError,
    TypeError,
    ValueError,
    ArithmeticError,
    DamagedError,
)


class PackError(EdgetlError):
    """A pack that cannot be written, is damaged, or is not safe to unpack."""


@dataclass(frozen=True)
class _Facts:
    """What pack.json holds; members are named as in the archive, `keras` are Packed's cases."""

    format: Literal[1]
    edgetl: str
    machine: str
    split: str
    labels: tuple[str, ...]
    targets: tuple[int, ...] = field(metadata={"key": "truth"})
    models: tuple[str, ...]
    pictures: tuple[str, ...]
    keras: tuple[Case, ...]
    sha256: dict[str, str]


@dataclass(frozen=True)
class Packed:
    """What a pack holds, its files unpacked.

    `cases` are Keras' on the machine that made the pack, without quality; `probabilities`, float32
    [pictures, classes], are what Keras gave there.
    """

    pictures: Pictures
    models: tuple[Path, ...]
    cases: tuple[Case, ...]
    probabilities: Probabilities

    def of(self, indices: Sequence[int]) -> "Packed":
        """The same with some of the pictures."""
        return replace(
            self,
            pictures=self.pictures.of(indices),
            probabilities=self.probabilities[list(indices)],
        )


def check_pack_path(path: Path) -> None:
    """See that a pack can be written there without a loss: nothing but a pack is replaced.

    Raises:
        PackError: it cannot.
    """
    if path.suffix.lower() != ".zip":
        why = f"its name does not end in .zip; call it {quoted(path.name)}.zip"
    elif path.is_dir():
        why = "is a folder; choose another name"
    elif path.exists() and not _is_pack(path):
        why = "exists and is not a pack; choose another name, or remove it"
    elif not path.absolute().parent.is_dir():
        why = "no such folder; make it first"
    elif not os.access(path.absolute().parent, os.W_OK):
        why = "its folder cannot be written; choose another"
    else:
        return
    raise PackError(f"--pack {quoted(path)}: {why}")


def _is_pack(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            archive.getinfo(_FACTS)
    except (OSError, *_DAMAGED):
        return False
    return True


def write_pack(
    path: Path,
    pictures: Pictures,
    models: Sequence[Path],
    cases: Sequence[Case],
    probabilities: Probabilities,
    *,
    machine: str,
    most_bytes: int = MOST_PICTURE_BYTES,
) -> int:
    """Write a pack of .tflite files, pictures and Keras' part; one that is there is replaced.

    Args:
        pictures: of which as many are packed, the classes balanced, as fit in `most_bytes`.
        cases, machine: Keras' cases, and what they were measured on.
        probabilities: Keras', float32 [pictures, classes].

    Returns:
        How many pictures are in it.

    Raises:
        PackError: it cannot be written.
    """
    members: dict[str, str] = {}
    try:
        indices = _fitting(pictures, most_bytes)
        kept = pictures.of(indices)
        with (
            replacing(path) as temporary,
            zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
        ):

            def add(name: str, content: bytes) -> str:
                # Of two runs' exports, say.
                name = name if name not in members else name.replace("/", f"/{len(members)}-")
                members[name] = hashlib.sha256(content).hexdigest()
                archive.writestr(zipfile.ZipInfo(name), content)
                return name

            facts = _Facts(
                format=FORMAT,
                edgetl=__version__,
                machine=machine,
                split=kept.split,
                labels=kept.labels,
                targets=kept.targets,
                models=tuple(add(f"models/{file.name}", file.read_bytes()) for file in models),
                pictures=tuple(
                    add(f"pictures/{number:05}{file.suffix.lower()}", file.read_bytes())
                    for number, file in enumerate(kept.paths)
                ),
                keras=tuple(replace(case, quality=None, elsewhere=machine) for case in cases),
                sha256=members,
            )
            add(_PROBABILITIES, np.ascontiguousarray(probabilities[indices], "<f4").tobytes())
            archive.writestr(zipfile.ZipInfo(_FACTS), json.dumps(plain(facts), ensure_ascii=False))
    except OSError as error:
        raise PackError(
            f"{quoted(path)}: cannot be written: {reason(error)}; choose another with --pack FILE"
        ) from error
    return len(indices)


def _fitting(pictures: Pictures, most_bytes: int) -> list[int]:
    sizes = [file.stat().st_size for file in pictures.paths]
    indices, fewest = list(range(len(sizes))), len(pictures.labels)
    while len(indices) > fewest and (total := sum(sizes[index] for index in indices)) > most_bytes:
        fitting = min(len(indices) - 1, len(indices) * most_bytes // total)
        indices = balanced(pictures.targets, max(fewest, fitting))
    return indices


def read_pack(path: Path, folder: Path) -> Packed:
    """Read and check a pack, and unpack its models/ and pictures/ in `folder`.

    Raises:
        PackError: it is not there, no pack, damaged, from a newer edgetl, or not safe to unpack.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise PackError(f"{quoted(path)}: a pipe or device, not a file; name a pack")
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(path, archive, folder)
    except OSError as error:
        raise PackError(f"{quoted(path)}: {reason(error)}") from error
    except _DAMAGED as error:
        raise PackError(
            f"{quoted(path)}: damaged, or not a pack ({quoted(str(error))[:200]}); copy it here "
            f"again, or make one with: edgetl benchmark --pack"
        ) from error


def _read(path: Path, archive: zipfile.ZipFile, folder: Path) -> Packed:
    infos = archive.infolist()
    total, packed = sum(i.file_size for i in infos), sum(i.compress_size for i in infos)
    bomb = total > _RATIO_FROM_BYTES and total > _MOST_RATIO * packed
    if len(infos) > _MOST_MEMBERS or total > _MOST_BYTES or bomb:
        raise PackError(
            f"{quoted(path)}: would unpack to more than a pack may "
            f"({_MOST_BYTES / 1e9:.0f} GB, {_MOST_MEMBERS} files); do not trust it, make another"
        )
    content = json.loads(_content(archive, _FACTS, _MOST_FACTS_BYTES))
    if content["format"] > FORMAT:
        raise PackError(
            f"{quoted(path)}: made by edgetl {quoted(str(content['edgetl']))}, which is newer than "
            f"this one; upgrade with: pip install -U edgetl"
        )
    facts: _Facts = from_json(_Facts, content)
    _check(facts)

    def checked(name: str) -> bytes:
        content = _content(archive, name, _MOST_BYTES)
        if hashlib.sha256(content).hexdigest() != facts.sha256[name]:
            raise ValueError(f"the SHA-256 of {name} is not the one it was packed with")
        return content

    def unpacked(name: str, kind: str) -> Path:
        parts = PurePosixPath(name).parts
        if len(parts) != 2 or parts[0] != kind or parts[1] == ".." or "\\" in name or ":" in name:
            raise PackError(
                f"{quoted(path)}: the entry {name!r} would leave the folder it is unpacked in; do "
                f"not trust this pack, make another"
            )
        target = folder / kind / parts[1]
        target.parent.mkdir(exist_ok=True)
        with target.open("xb") as file:
            file.write(checked(name))
        return target

    raw = checked(_PROBABILITIES)
    probabilities = np.frombuffer(raw, "<f4").reshape(len(facts.targets), len(facts.labels))
    if not np.isfinite(probabilities).all():
        raise ValueError("Keras' probabilities are no numbers")
    models = tuple(unpacked(name, "models") for name in facts.models)
    paths = tuple(unpacked(name, "pictures") for name in facts.pictures)
    return Packed(
        pictures=Pictures(facts.split, facts.labels, paths, facts.targets),
        models=models,
        cases=tuple(replace(case, quality=None, ratio=None) for case in facts.keras),
        probabilities=probabilities.astype(np.float32),
    )


def _check(facts: _Facts) -> None:
    """Refuse what would only later, and far from here, turn out to make no sense."""
    classes = {*range(len(facts.labels))}
    targets = {*facts.targets}
    if len(facts.pictures) != len(facts.targets) or not targets or not targets <= classes:
        raise DamagedError("its pictures do not have a class each")
    if not facts.models:
        raise DamagedError("it has no model")
    for what, names in (("labels", facts.labels), ("members", facts.models + facts.pictures)):
        if len(set(names)) < len(names):
            raise DamagedError(f"two of its {what} are the same")
    for number, case in enumerate(facts.keras):
        check_case(case, f"keras[{number}]")
        if not case.elsewhere or not case.is_keras:
            raise DamagedError(f"keras[{number}] is no Keras model's of another machine")


def _content(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    info = archive.getinfo(name)
    if info.file_size > most:
        raise ValueError(f"{name} is too large")
    with archive.open(info) as file:
        # What it really holds may be more than it says.
        content = file.read(info.file_size + 1)
    if len(content) != info.file_size:
        raise ValueError(f"{name} is not as large as it says")
    return content
