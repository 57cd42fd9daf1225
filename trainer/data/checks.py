"""What was found in the data: a summary, with warnings of what may spoil a training."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import TextWrapper

from edgetl.edge.errors import plural, quoted
from edgetl.trainer.data.dataset import SPLITS, Dataset, Excluded, ExclusionKind, Split, counts
from edgetl.trainer.data.near_copy_checks import (
    NearCopies,
    near_copies_in,
    near_copy_line,
    near_copy_warnings,
)
from edgetl.trainer.data.wording import some

# Beyond these there is a warning.
WARN_IMBALANCE = 3.0  # the largest class to the smallest
WARN_TRAINING_PICTURES = 10  # of a class
WARN_POINTS_A_PICTURE = 2.0  # percentage points of accuracy

# How much of a long list is shown.
SHOWN_CLASSES = 10
SHOWN_FILES = 10
# Lines of terminals are 80 wide, and would else break inside a number.
_WRAPPER = TextWrapper(
    80, subsequent_indent=" " * 11, break_long_words=False, break_on_hyphens=False
)

_KIND_WORDS: dict[ExclusionKind, str] = {
    "unreadable": "unreadable",
    "not_a_picture": "not a picture by name",
    "duplicate": "a copy",
    "duplicate_across_splits": "a copy of a picture in another split",
    "conflict": "a picture of several classes",
}

_CROSS_VALIDATED = "validation  cross-validated: a model of the other photos predicts each fold"

# What a split does without the classes that it lacks.
_WITHOUT: dict[Split, str] = {
    "validation": "the best epoch is chosen without",
    "test": "the accuracy there is without",
}


@dataclass(frozen=True)
class PictureSize:
    """A picture and its size in pixels."""

    file: str
    width: int
    height: int


@dataclass(frozen=True)
class DataSummary:
    """What was found in the data, near-copies too.

    `counts` are the pictures of each class, in labels order, of each split. `smallest` is the
    picture with the shortest side, None where no size is known. `warnings` are sentences, and so
    are `notes`, of what was passed over or assumed.
    """

    counts: Mapping[Split, Mapping[str, int]]
    excluded: tuple[Excluded, ...]
    smallest: PictureSize | None
    near_copies: NearCopies
    warnings: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def exclusion_counts(self) -> dict[ExclusionKind, int]:
        """How many files were excluded, by kind of reason."""
        count = Counter(item.kind for item in self.excluded)
        return {kind: count[kind] for kind in _KIND_WORDS}

    @property
    def largest_class(self) -> str:
        """The class with the most training pictures, the first of several."""
        return max(self.counts["train"], key=self.counts["train"].__getitem__)

    @property
    def smallest_class(self) -> str:
        """The class with the fewest training pictures, the first of several."""
        return min(self.counts["train"], key=self.counts["train"].__getitem__)

    @property
    def imbalance(self) -> float:
        """The training pictures of the largest class to those of the smallest; 1 is balanced."""
        train = self.counts["train"]
        return train[self.largest_class] / train[self.smallest_class]


def summarize(
    dataset: Dataset,
    *,
    sizes: Mapping[str, tuple[int, int]],
    height: int,
    width: int,
    class_weights: str,
    placeholders: Sequence[str] = (),
) -> DataSummary:
    """Summarize the data, with warnings of what may spoil the training or its metrics.

    Args:
        dataset: the pictures that are used, each in its split, and those excluded.
        sizes: (width, height) in pixels of each file, upright. Files may be missing.
        height, width: the model's input in pixels.
        class_weights: whether the loss weighs the classes ("auto") or not.
        placeholders: files that stand for a picture that is not there, copies among them.
    """
    pictures = [PictureSize(e.file, *sizes[e.file]) for e in dataset.examples if e.file in sizes]
    summary = DataSummary(
        counts={split: counts(dataset, split) for split in SPLITS},
        excluded=dataset.excluded,
        smallest=_smallest(pictures),
        near_copies=near_copies_in(dataset),
        warnings=(),
        notes=dataset.notes,
    )
    found = (
        *_warn_of_excluded(summary),
        *near_copy_warnings(summary.near_copies),
        *_warn_of_uneven_classes(summary, class_weights),
        *_warn_of_missing_classes(summary),
        *_warn_of_small_splits(summary),
        *_warn_of_small_pictures(pictures, height=height, width=width),
        *_warn_of_placeholders(placeholders),
    )
    return replace(summary, warnings=found)


def summary_lines(summary: DataSummary, *, listed_by: str = "split.json") -> list[str]:
    """The summary as it is logged before training, in lines of 80 characters but for paths.

    `listed_by` is where all files are named that the summary only counts.
    """
    lines = [part for split in SPLITS for part in _split_lines(split, summary.counts[split])]
    if not any(summary.counts["validation"].values()):
        lines.append(_CROSS_VALIDATED)
    train = summary.counts["train"]
    largest, smallest = summary.largest_class, summary.smallest_class
    if train[largest] == train[smallest]:
        lines.append(f"imbalance  none ({plural(train[largest], 'training picture')} a class)")
    else:
        lines.append(
            f"imbalance  {summary.imbalance:.1f} to 1 in train  "
            f"({quoted(largest)} {train[largest]}, {quoted(smallest)} {train[smallest]})"
        )
    if picture := summary.smallest:
        lines.append(f"smallest   {quoted(picture.file)}: {_pixels(picture)}")
    if line := near_copy_line(summary.near_copies, listed_by=listed_by):
        lines += _WRAPPER.wrap(line)
    if summary.excluded:
        kinds = ", ".join(f"{n} {_KIND_WORDS[k]}" for k, n in summary.exclusion_counts.items() if n)
        lines += _WRAPPER.wrap(f"excluded   {plural(len(summary.excluded), 'file')}: {kinds}")
    shown = summary.excluded[:SHOWN_FILES]
    lines.extend(f"excluded   {quoted(item.file)}: {item.reason}" for item in shown)
    if (more := len(summary.excluded) - SHOWN_FILES) > 0:
        lines.append(f"excluded   {more} more; {listed_by} lists all")
    for note in summary.notes:
        lines += _WRAPPER.wrap(f"note       {note}")
    for warning in summary.warnings:
        lines += _WRAPPER.wrap(f"warning    {warning}")
    return lines


def class_weights(counts: Mapping[str, int], weighing: str = "auto") -> tuple[float, ...]:
    """The weight in the loss of a training picture of each class, so that classes weigh alike.

    n / (classes * n_c), as "balanced" in scikit-learn, after King and Zeng, "Logistic Regression
    in Rare Events Data" (2001): the mean over the training pictures is 1, so that the learning
    rate keeps its meaning, and equal classes weigh exactly 1. `counts` are the training pictures
    of each class, in labels order, each 1 or more. With `weighing` "none" all weights are 1.
    """
    if weighing == "none":
        return (1.0,) * len(counts)
    pictures = sum(counts.values())
    return tuple(pictures / (len(counts) * count) for count in counts.values())


def _warn_of_excluded(summary: DataSummary) -> Iterator[str]:
    named = [quoted(item.file) for item in summary.excluded if item.kind == "conflict"]
    if named:
        yield (
            f"{plural(len(named), 'file')} excluded, as the same picture lies under several "
            f"classes: {some(named, most=SHOWN_FILES)}; delete the wrong ones "
            f"(--on-conflict error names all and stops)"
        )
    if number := summary.exclusion_counts["duplicate_across_splits"]:
        were = "file was a copy of a picture" if number == 1 else "files were copies of pictures"
        yield (
            f"{number} {were} in another of the folders train, validation and test, and "
            f"excluded: nothing is trained on that is evaluated on too"
        )


def _warn_of_uneven_classes(summary: DataSummary, class_weights: str) -> Iterator[str]:
    train, most, fewest = summary.counts["train"], summary.largest_class, summary.smallest_class
    if summary.imbalance > WARN_IMBALANCE:
        off = "" if class_weights == "auto" else "are off, --class-weights auto would "
        yield (
            f"class {most!r} has {summary.imbalance:.1f} times the training pictures of {fewest!r} "
            f"({train[most]} and {train[fewest]}); class weights {off}make up for it in the loss"
        )
    few = [f"{label!r} {n}" for label, n in train.items() if n < WARN_TRAINING_PICTURES]
    if few:
        have, them = ("class has", "it") if len(few) == 1 else ("classes have", "them")
        yield (
            f"{len(few)} {have} fewer than {WARN_TRAINING_PICTURES} training pictures "
            f"({some(few)}); add pictures to {them}"
        )


def _warn_of_missing_classes(summary: DataSummary) -> Iterator[str]:
    for split, without in _WITHOUT.items():
        numbers = summary.counts[split]
        absent = [repr(label) for label, number in numbers.items() if not number]
        # A split without any picture is none.
        if absent and len(absent) < len(numbers):
            classes, them = ("class", "it") if len(absent) == 1 else ("classes", "them")
            yield f"{split} has no pictures of the {classes} {some(absent)}; {without} {them}"


def _warn_of_small_splits(summary: DataSummary) -> Iterator[str]:
    small = []
    for split in SPLITS:
        number = sum(summary.counts[split].values())
        if split != "train" and number and 100 / number > WARN_POINTS_A_PICTURE:
            small.append(f"{100 / number:.1f} percentage points in {split} ({number} in all)")
    if small:
        changed = " and ".join(small)
        yield f"one picture changes accuracy by {changed}; smaller differences mean nothing"


def _warn_of_small_pictures(
    pictures: Sequence[PictureSize], *, height: int, width: int
) -> Iterator[str]:
    small = [picture for picture in pictures if picture.width < width or picture.height < height]
    if smallest := _smallest(small):
        yield (
            f"{len(small)} of {plural(len(pictures), 'picture')} "
            f"{'is' if len(small) == 1 else 'are'} less wide or high than the model's input of "
            f"{width} by {height} pixels, {quoted(smallest.file)} the smallest "
            f"({_pixels(smallest)}); larger originals would show the model more"
        )


def _warn_of_placeholders(files: Sequence[str]) -> Iterator[str]:
    if len(files) == 1:
        yield (
            f"1 picture looks like a placeholder (almost one colour, or called so), "
            f"{quoted(files[0])}; delete it, or the model learns it as its class"
        )
    elif files:
        yield (
            f"{len(files)} pictures look like placeholders (almost one colour, or called so), "
            f"{quoted(files[0])} for one; delete them, or the model learns them as their classes"
        )


def _smallest(pictures: Sequence[PictureSize]) -> PictureSize | None:
    """The picture with the shortest side, then the fewest pixels, then the first by path."""
    return min(pictures, key=lambda p: (*sorted((p.width, p.height)), p.file), default=None)


def _split_lines(split: Split, classes: Mapping[str, int]) -> list[str]:
    if not any(classes.values()):
        return []
    shown = [f"{quoted(label)} {n}" for label, n in list(classes.items())[:SHOWN_CLASSES]]
    more = len(classes) - len(shown)
    words = ", ".join(shown) + (f", and {plural(more, 'more class')}" if more else "")
    return _WRAPPER.wrap(f"{split:10} {sum(classes.values()):6} pictures  ({words})")


def _pixels(picture: PictureSize) -> str:
    return f"{picture.width} pixels wide, {picture.height} high"
