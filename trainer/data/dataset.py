"""A set of photos: its classes, its files, and which of them train, validate and test."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import DataError, quoted
from edgetl.edge.model.special_labels import EXAMPLES_OF_UNKNOWN, UNKNOWN
from edgetl.trainer.data.wording import SHOWN_FAULTS, some

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

# Before "pictures".
SPLIT_WORDS: dict[Split, str] = {
    "train": "training",
    "validation": "validation",
    "test": "test",
}

# Why a file is excluded: damaged, no picture by its name, the same picture as one that is used, in
# the same split or in another, or in several classes.
ExclusionKind = Literal[
    "unreadable", "not_a_picture", "duplicate", "duplicate_across_splits", "conflict"
]


@dataclass(frozen=True, slots=True)
class Example:
    """One picture: its path relative to the data folder ("/" between parts), class and split.

    `split` is None until `assign_splits` has decided it. `group` is the first file of its
    near-copies, None where it has none.
    """

    file: str
    label: str
    split: Split | None
    group: str | None = None

    @property
    def cluster(self) -> str:
        """What it does not count apart from: its group, else itself."""
        return self.group or self.file


@dataclass(frozen=True)
class Excluded:
    """A file that is not trained on, and why."""

    file: str
    reason: str
    kind: ExclusionKind = "unreadable"


@dataclass(frozen=True)
class LabelFolder:
    """A folder below the root, "/" between parts, that holds the pictures of a class in a split."""

    path: str
    label: str
    split: Split | None


@dataclass(frozen=True)
class Dataset:
    """The pictures below `root`. `labels` are sorted, "unknown" is the last; a class's index is
    that in them.

    `notes` are sentences of what was passed over, left out or assumed to find them. `folders` are
    those that `scan` took for classes: none where a CSV file names them, or in a run's record.
    """

    root: Path
    labels: tuple[str, ...]
    examples: tuple[Example, ...]
    excluded: tuple[Excluded, ...] = ()
    notes: tuple[str, ...] = ()
    folders: tuple[LabelFolder, ...] = ()

    def of(self, split: Split) -> list[int]:
        """The indices in `examples` of one split's pictures."""
        return [i for i, example in enumerate(self.examples) if example.split == split]

    def clusters(self, split: Split) -> list[str]:
        """The cluster of each of one split's pictures, in the order of `of`."""
        return [example.cluster for example in self.examples if example.split == split]

    def classes_of(self, examples: Iterable[Example]) -> npt.NDArray[np.int64]:
        """The class of each of some pictures, as an index in `labels`."""
        indices = {label: index for index, label in enumerate(self.labels)}
        return np.array([indices[example.label] for example in examples], np.int64)

    def interleaved(self, split: Split) -> list[int]:
        """The same indices, interleaved by class, so that any number of the first are balanced."""
        by_label: dict[str, list[int]] = {label: [] for label in self.labels}
        for index in self.of(split):
            by_label[self.examples[index].label].append(index)
        columns = zip_longest(*by_label.values())
        return [index for column in columns for index in column if index is not None]

    @property
    def held_out(self) -> Split:
        """The split that exported files are compared with Keras on: test, else validation; train of
        a run that learned from all photos.
        """
        return next((split for split in ("test", "validation") if self.of(split)), "train")

    def path(self, example: Example) -> Path:
        """Where the picture lies."""
        return self.root / example.file


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


def check_classes(dataset: Dataset) -> None:
    """Check that there are two classes or more, each with pictures to train and validate on.

    Pictures in a test/ folder count for neither.

    Raises:
        DataError: otherwise; the message names the classes.
    """
    where = quoted(dataset.root)
    if not dataset.examples:
        raise DataError(
            f"{where}: no pictures found; put each class's pictures in a folder of its own there"
        )
    if dataset.labels == (UNKNOWN,):
        raise DataError(
            f"{where}: no class, as whatever is called {', '.join(EXAMPLES_OF_UNKNOWN)} is taken "
            f"for examples of {UNKNOWN!r}; add the classes, two or more, or rename these"
        )
    if len(dataset.labels) < 2:
        raise DataError(
            f"{where}: only one class ({quoted(dataset.labels[0])}); a classifier needs two or "
            f"more, each in a folder of its own"
        )
    count = Counter(e.label for e in dataset.examples if e.split != "test")
    few = {label: count[label] for label in dataset.labels if count[label] < 2}
    if few:
        outside = " outside test/" if any(e.split == "test" for e in dataset.examples) else ""
        raise DataError(f"{where}: {_too_few(few, outside)}")
    trained = {e.label for e in dataset.examples if e.split in (None, "train")}
    untrained = [repr(label) for label in dataset.labels if label not in trained]
    if untrained:
        has = "class {} has" if len(untrained) == 1 else "classes {} have"
        named = has.format(some(untrained, SHOWN_FAULTS))
        raise DataError(f"{where}: {named} no readable pictures in train/")


def _too_few(few: dict[str, int], outside: str) -> str:
    needs = "needs two at least, one to train on and one to validate"
    if len(few) == 1:
        ((label, number),) = few.items()
        has = "one readable picture" if number else "no readable pictures"
        return f"class {label!r} has {has}{outside}; it {needs}"
    named = some([f"{label!r} {number}" for label, number in few.items()], SHOWN_FAULTS)
    return f"{len(few)} classes have too few readable pictures{outside} ({named}); each {needs}"


def counts(dataset: Dataset, split: Split) -> dict[str, int]:
    """How many pictures of each class a split holds, in labels order."""
    count = Counter(example.label for example in dataset.examples if example.split == split)
    return {label: count[label] for label in dataset.labels}
