"""split.json: which picture trained, validated and tested, near-copies, and what was excluded."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from edgetl.edge.errors import RunFolderError, quoted
from edgetl.edge.system.files import write_json
from edgetl.trainer.data.dataset import SPLITS, Dataset, Example, Excluded, Split
from edgetl.trainer.data.groups import by_group, with_groups
from edgetl.trainer.run.records import VERSION, read_json

_Value = TypeVar("_Value", str, int)


def write_split(
    path: Path,
    dataset: Dataset,
    digests: Mapping[str, str],
    folds: Mapping[str, int] = MappingProxyType({}),
    gone: Mapping[str, int] = MappingProxyType({}),
) -> None:
    """Write split.json: the files of each split by class, the groups of near-copies, and the files
    excluded and why.

    Args:
        digests: the SHA-256 of each of the dataset's files, by its name.
        folds: in which each training photo is held out, by its name, where none validates.
        gone: the folds, by digest, of photos that are not there any more and that models learned
            from which these start from; -1 where it was none.
    """
    splits: dict[Split, dict[str, list[str]]] = {
        split: {label: [] for label in dataset.labels} for split in SPLITS
    }
    for example in dataset.examples:
        if example.split is not None:
            splits[example.split][example.label].append(example.file)
    excluded = [asdict(item) for item in dataset.excluded]
    groups = [sorted(e.file for e in members) for members in by_group(dataset.examples).values()]
    recorded = {example.file: digests[example.file] for example in dataset.examples}
    rest = {
        "groups": groups,
        "excluded": excluded,
        "digests": recorded,
        "folds": dict(folds),
        "gone": dict(gone),
    }
    write_json(path, {"version": VERSION, **splits, **rest})


def read_digests(path: Path) -> Mapping[str, str]:
    """The SHA-256 of each file that trained, validated or tested, by its name; {} in older runs.

    Raises:
        RunFolderError: split.json is missing or damaged.
    """
    return _recorded(path, "digests", str)


def read_folds(path: Path) -> Mapping[str, int]:
    """The fold of each training photo, by its name; {} in older runs, and where photos validated.

    Raises:
        RunFolderError: split.json is missing or damaged.
    """
    return _recorded(path, "folds", int)


def read_gone(path: Path) -> Mapping[str, int]:
    """The folds of photos that are gone, as `write_split` has them; {} in older runs.

    Raises:
        RunFolderError: split.json is missing or damaged.
    """
    return _recorded(path, "gone", int)


def _recorded(path: Path, name: str, kind: type[_Value]) -> Mapping[str, _Value]:
    split = read_json(path)
    found = split.get(name, {}) if isinstance(split, dict) else None
    if not isinstance(found, dict) or not all(type(value) is kind for value in found.values()):
        raise RunFolderError(f"{quoted(path)}: damaged; train again")
    return found


def read_split(path: Path, root: Path, labels: tuple[str, ...]) -> Dataset:
    """Read split.json of a run on the photos in `root`.

    Raises:
        RunFolderError: it is missing or damaged.
    """
    split = read_json(path)
    try:
        examples = [
            Example(file, label, name)
            for name in SPLITS
            for label in labels
            for file in split[name][label]
        ]
        # edgetl 0.1.0 called them set aside.
        excluded = split["excluded"] if "excluded" in split else split["set_aside"]
        found = tuple(Excluded(item["file"], item["reason"], item["kind"]) for item in excluded)
        dataset = Dataset(root, labels, tuple(examples), found)
        # Before groups were found there were none.
        return with_groups(dataset, split.get("groups", []))
    except (KeyError, TypeError) as error:
        raise RunFolderError(f"{quoted(path)}: damaged; train again") from error
