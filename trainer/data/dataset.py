"""A folder of photos: its classes, its files, and which of them train, validate and test."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Literal, get_args

from edgetl.edge.errors import DataError, quoted, reason
from edgetl.edge.sources.files import PICTURE_SUFFIXES

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

# Why a file is excluded: damaged, no picture by its name, or the same bytes as a picture that is
# used, in the same split or in another.
ExclusionKind = Literal["unreadable", "not_a_picture", "duplicate", "duplicate_across_splits"]

# What a folder of pictures may call its splits.
_SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "test": "test",
}

# Shares of a class that are held out where DATA holds no such folder. The reference recipe makes
# its test set of a fifth of the validation folder.
VALIDATION_SHARE = 0.2
TEST_SHARE = 0.1
TEST_SHARE_OF_VALIDATION = 0.2


@dataclass(frozen=True)
class Example:
    """One picture: its path relative to the data folder ("/" between parts), class and split.

    `split` is None until `assign_splits` has decided it.
    """

    file: str
    label: str
    split: Split | None


@dataclass(frozen=True)
class Excluded:
    """A file that is not trained on, and why."""

    file: str
    reason: str
    kind: ExclusionKind = "unreadable"


@dataclass(frozen=True)
class Dataset:
    """The pictures below `root`. `labels` are sorted; a class's index is that in them."""

    root: Path
    labels: tuple[str, ...]
    examples: tuple[Example, ...]
    excluded: tuple[Excluded, ...] = ()

    def of(self, split: Split) -> list[int]:
        """The indices in `examples` of one split's pictures."""
        return [i for i, example in enumerate(self.examples) if example.split == split]

    def interleaved(self, split: Split) -> list[int]:
        """The same indices, interleaved by class, so that any number of the first are balanced."""
        by_label: dict[str, list[int]] = {label: [] for label in self.labels}
        for index in self.of(split):
            by_label[self.examples[index].label].append(index)
        columns = zip_longest(*by_label.values())
        return [index for column in columns for index in column if index is not None]

    @property
    def held_out(self) -> Split:
        """The split that finished models are evaluated on: test, or validation if there is none."""
        return "test" if self.of("test") else "validation"

    def path(self, example: Example) -> Path:
        """Where the picture lies."""
        return self.root / example.file


def scan(root: Path) -> Dataset:
    """Find the classes and pictures of a data folder; nothing is decoded.

    `root` holds a folder for each class, or train/ and perhaps validation/ (or val/) and test/,
    each with a folder for each class. Pictures may lie in subfolders of their class. Hidden files
    and folders are ignored; files that are no pictures by their suffix are excluded.

    Raises:
        DataError: no such folder, no class folders, one class only, an empty class, or a class
            that validation or test holds and train does not.
    """
    root = Path(root)
    try:
        folders = _subfolders(root)
    except OSError as error:
        raise DataError(f"{quoted(root)}: {reason(error)}; name a folder of pictures") from error
    splits = _split_folders(folders)
    found: list[Example] = []
    excluded: list[Excluded] = []
    tops: list[tuple[Path, Split | None]] = [(f, _SPLIT_FOLDERS[f.name]) for f in splits]
    for folder, split in tops or [(root, None)]:
        for class_folder in _subfolders(folder):
            for path in _files_below(class_folder):
                file = path.relative_to(root).as_posix()
                if path.suffix.lower() in PICTURE_SUFFIXES:
                    found.append(Example(file, class_folder.name, split))
                else:
                    excluded.append(Excluded(file, _not_a_picture(path), "not_a_picture"))
    labels = _labels(root, splits, folders)
    dataset = Dataset(root, labels, tuple(found), tuple(excluded))
    check_classes(dataset)
    return dataset


def without(dataset: Dataset, excluded: Iterable[Excluded]) -> Dataset:
    """The dataset without files that turned out to be unreadable, or to be copies of others.

    Raises:
        DataError: too little is left of a class.
    """
    more = tuple(excluded)
    names = {item.file for item in more}
    left = tuple(example for example in dataset.examples if example.file not in names)
    result = replace(dataset, examples=left, excluded=(*dataset.excluded, *more))
    check_classes(result)
    return result


def assign_splits(dataset: Dataset, *, seed: int) -> Dataset:
    """Decide the split of every picture.

    Splits that DATA's own folders name stay. Missing ones are held out of each class at random, by
    a hash of `seed` and the file's path, so that adding pictures moves few of the others: a
    fifth of train as validation and a tenth as test; where there is a validation folder but no
    test, a fifth of validation as test.
    """
    named = {example.split for example in dataset.examples}
    splits: dict[str, Split] = {e.file: e.split or "train" for e in dataset.examples}
    has_validation = "validation" in named
    for label in dataset.labels:
        mine = [example for example in dataset.examples if example.label == label]
        if not has_validation:
            train = _shuffled([e for e in mine if e.split in (None, "train")], seed)
            held = max(1, round(len(train) * VALIDATION_SHARE))
            tested = 0 if "test" in named else round(len(train) * TEST_SHARE)
            splits.update((e.file, "validation") for e in train[:held])
            splits.update((e.file, "test") for e in train[held : held + tested])
        elif "test" not in named:
            validation = _shuffled([e for e in mine if e.split == "validation"], seed)
            tested = round(len(validation) * TEST_SHARE_OF_VALIDATION)
            splits.update((e.file, "test") for e in validation[:tested])
    examples = tuple(replace(e, split=splits[e.file]) for e in dataset.examples)
    return replace(dataset, examples=examples)


def check_classes(dataset: Dataset) -> None:
    """Check that there are two classes or more, each with pictures to train and validate on.

    Pictures in a test/ folder count for neither.

    Raises:
        DataError: otherwise; the message names the class.
    """
    where = quoted(dataset.root)
    if not dataset.examples:
        raise DataError(
            f"{where}: no pictures found; put each class's pictures in a folder of its own there"
        )
    if len(dataset.labels) < 2:
        raise DataError(
            f"{where}: only one class ({dataset.labels[0]}); a classifier needs two or more, "
            f"each in a folder of its own"
        )
    counts = Counter(e.label for e in dataset.examples if e.split != "test")
    outside = " outside test/" if any(e.split == "test" for e in dataset.examples) else ""
    for label in dataset.labels:
        if counts[label] < 2:
            has = "one readable picture" if counts[label] else "no readable pictures"
            has += outside
            raise DataError(
                f"{where}: class {label!r} has {has}; it needs two at least, "
                f"one to train on and one to validate"
            )
    trained = {e.label for e in dataset.examples if e.split in (None, "train")}
    for label in dataset.labels:
        if label not in trained:
            raise DataError(f"{where}: class {label!r} has no readable pictures in train/")


def counts(dataset: Dataset, split: Split) -> dict[str, int]:
    """How many pictures of each class a split holds, in labels order."""
    count = Counter(example.label for example in dataset.examples if example.split == split)
    return {label: count[label] for label in dataset.labels}


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _split_folders(folders: Sequence[Path]) -> list[Path]:
    """The folders that are splits: all of them must be, so that a class may be called "train"."""
    names = [folder.name for folder in folders]
    if "train" not in names or any(name not in _SPLIT_FOLDERS for name in names):
        return []
    if {"validation", "val"} <= set(names):
        raise DataError(
            f"{quoted(folders[0].parent)}: has both validation/ and val/; keep one of them"
        )
    return [folder for folder in folders if _subfolders(folder)]


def _labels(root: Path, splits: Sequence[Path], folders: Sequence[Path]) -> tuple[str, ...]:
    if not splits:
        return _checked_names(root, [folder.name for folder in folders])
    names = {folder.name: [f.name for f in _subfolders(folder)] for folder in splits}
    train = names.get("train", [])
    for split, classes in names.items():
        unknown = sorted(set(classes) - set(train))
        if unknown:
            raise DataError(
                f"{quoted(root)}: {split}/ has the class {unknown[0]!r}, which train/ does not have"
            )
    return _checked_names(root, train)


def _checked_names(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if "\n" in name or "\r" in name:
            raise DataError(
                f"{quoted(root)}: the class folder {name!r} has a line break in its name; rename it"
            )
    return tuple(sorted(names))


def _files_below(folder: Path) -> list[Path]:
    """All files in a folder and its subfolders, by path; links are followed, hidden names not."""
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        status = Path(parent).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [name for name in folders if not name.startswith(".")]
        found.extend(Path(parent, name) for name in files if not name.startswith("."))
    return sorted(found)


def _not_a_picture(path: Path) -> str:
    if path.suffix.lower() in (".heic", ".heif"):
        return "HEIC is not read; save it as JPEG"
    return f"not a picture by its name ({path.suffix or 'no suffix'})"


def _shuffled(examples: Sequence[Example], seed: int) -> list[Example]:
    def key(example: Example) -> bytes:
        return hashlib.sha256(f"{seed}\0{example.file}".encode("utf-8", "surrogatepass")).digest()

    return sorted(examples, key=key)
