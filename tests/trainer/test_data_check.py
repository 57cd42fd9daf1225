import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from edgetl.edge.errors import DataError
from edgetl.trainer.data.checks import (
    DataSummary,
    summarize,
    summary_lines,
)
from edgetl.trainer.data.copies import exclude_duplicates
from edgetl.trainer.data.dataset import (
    SPLITS,
    Dataset,
    Example,
    Excluded,
    Split,
    counts,
    without,
)
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.splitting import assign_splits
from edgetl.trainer.recipe import Recipe
from tests.conftest import write_colour_pictures


def digests_of(dataset: Dataset) -> dict[str, str]:
    return {
        e.file: hashlib.sha256(dataset.path(e).read_bytes()).hexdigest() for e in dataset.examples
    }


def sizes_of(dataset: Dataset) -> dict[str, tuple[int, int]]:
    sizes = {}
    for example in dataset.examples:
        with Image.open(dataset.path(example)) as picture:
            sizes[example.file] = picture.size
    return sizes


def made(pictures: dict[Split, dict[str, int]], *excluded: Excluded) -> Dataset:
    """A dataset of files that need not exist: how many pictures of each class a split holds."""
    labels = tuple(sorted({label for classes in pictures.values() for label in classes}))
    examples = tuple(
        Example(f"{split}/{label}/{n}.jpg", label, split)
        for split, classes in pictures.items()
        for label, count in classes.items()
        for n in range(count)
    )
    return Dataset(Path("x"), labels, examples, excluded)


def summary_of(
    dataset: Dataset,
    sizes: dict[str, tuple[int, int]] | None = None,
    class_weights: str = "auto",
) -> DataSummary:
    return summarize(dataset, sizes=sizes or {}, height=160, width=160, class_weights=class_weights)


# Enough of everything: nothing to warn of.
PLENTY: dict[Split, dict[str, int]] = {
    "train": {"a": 30, "b": 30},
    "validation": {"a": 25, "b": 25},
    "test": {"a": 25, "b": 25},
}


def with_copies(root: Path, *copies: tuple[str, str]) -> Dataset:
    for source, copy in copies:
        (root / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / source, root / copy)
    return scan(root)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A folder per class."""
    return write_colour_pictures(tmp_path / "data", ["blue", "red"], 6, size=(12, 9))


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """Folders train, val and test, the same pictures in none of them."""
    root = tmp_path / "data"
    everything = write_colour_pictures(tmp_path / "all", ["blue", "red"], 9, size=(12, 9))
    for path in sorted(everything.rglob("*.jpg")):
        folder = root / ("train", "val", "test")[int(path.stem[-2:]) % 3] / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    return root


def test_pictures_that_differ_all_stay(plain: Path) -> None:
    dataset = scan(plain)
    assert exclude_duplicates(dataset, digests_of(dataset), on_conflict="error") == dataset


def test_of_copies_in_one_class_the_first_by_path_stays(plain: Path) -> None:
    dataset = with_copies(
        plain,
        ("red/red-03.jpg", "red/again/03.jpg"),
        ("red/red-03.jpg", "red/zz.jpg"),
        ("blue/blue-00.jpg", "blue/blue-00 (1).jpg"),
    )
    left = exclude_duplicates(dataset, digests_of(dataset), on_conflict="error")
    assert left.excluded == (
        Excluded("blue/blue-00.jpg", "the same picture as blue/blue-00 (1).jpg", "duplicate"),
        Excluded("red/red-03.jpg", "the same picture as red/again/03.jpg", "duplicate"),
        Excluded("red/zz.jpg", "the same picture as red/again/03.jpg", "duplicate"),
    )
    assert len(left.examples) == 12
    assert {e.file for e in left.examples}.isdisjoint(item.file for item in left.excluded)


@pytest.mark.parametrize(
    ("source", "copy", "gone", "stays"),
    [
        ("val/red/red-01.jpg", "train/red/0.jpg", "train/red/0.jpg", "val/red/red-01.jpg"),
        ("test/red/red-02.jpg", "train/red/0.jpg", "train/red/0.jpg", "test/red/red-02.jpg"),
        ("val/red/red-01.jpg", "test/red/z.jpg", "val/red/red-01.jpg", "test/red/z.jpg"),
    ],
)
def test_of_copies_in_two_splits_the_evaluated_one_stays(
    split: Path, source: str, copy: str, gone: str, stays: str
) -> None:
    dataset = with_copies(split, (source, copy))
    left = exclude_duplicates(dataset, digests_of(dataset), on_conflict="error")
    assert left.excluded == (
        Excluded(gone, f"the same picture as {stays}", "duplicate_across_splits"),
    )


def test_copies_in_one_split_and_across_are_told_apart(split: Path) -> None:
    dataset = with_copies(
        split,
        ("val/red/red-01.jpg", "val/red/copy.jpg"),
        ("val/red/red-01.jpg", "train/red/copy.jpg"),
    )
    left = exclude_duplicates(dataset, digests_of(dataset), on_conflict="error")
    assert {item.file: item.kind for item in left.excluded} == {
        "train/red/copy.jpg": "duplicate_across_splits",
        "val/red/red-01.jpg": "duplicate",
    }


@pytest.mark.parametrize("seed", range(5))
def test_no_picture_is_in_two_splits_after_the_split(plain: Path, seed: int) -> None:
    copies = [(f"red/red-{n:02}.jpg", f"red/copy-{c}-{n}.jpg") for n in range(6) for c in range(3)]
    dataset = with_copies(plain, *copies)
    digests = digests_of(dataset)
    dataset = assign_splits(exclude_duplicates(dataset, digests, on_conflict="error"), seed=seed)
    used = [digests[e.file] for e in dataset.examples]
    assert len(used) == len(set(used)) == 12
    assert counts(dataset, "train") == {"blue": 4, "red": 4}


def test_the_order_of_pictures_and_digests_changes_nothing(split: Path) -> None:
    copies = [(f"val/red/red-0{n}.jpg", f"train/red/copy-{n}.jpg") for n in (1, 4, 7)]
    dataset = with_copies(split, *copies, ("train/blue/blue-00.jpg", "train/blue/zz.jpg"))
    digests = digests_of(dataset)
    left = exclude_duplicates(dataset, digests, on_conflict="error")
    turned = replace(dataset, examples=dataset.examples[::-1])
    other = exclude_duplicates(turned, dict(reversed(digests.items())), on_conflict="error")
    assert len(left.excluded) == 4
    assert other.excluded == left.excluded
    assert set(other.examples) == set(left.examples)


def test_a_picture_in_two_classes_is_named_with_its_files(plain: Path) -> None:
    dataset = with_copies(plain, ("red/red-03.jpg", "blue/x.jpg"), ("red/red-03.jpg", "red/y.jpg"))
    with pytest.raises(DataError) as error:
        exclude_duplicates(dataset, digests_of(dataset), on_conflict="error")
    assert str(error.value) == (
        f"{plain}: the same picture lies under several classes, "
        f"blue/x.jpg and red/red-03.jpg and red/y.jpg; delete the wrong one"
    )


def test_many_pictures_in_two_classes_are_counted_across_splits_too(split: Path) -> None:
    numbers = ("00", "03", "06")
    copies = [(f"train/red/red-{n}.jpg", f"val/blue/{n}.jpg") for n in numbers]
    dataset = with_copies(split, *copies, ("test/red/red-02.jpg", "test/blue/a\nb.jpg"))
    with pytest.raises(DataError) as error:
        exclude_duplicates(dataset, digests_of(dataset), on_conflict="error")
    assert str(error.value) == (
        f"{split}: 4 pictures lie under several classes each, "
        f"test/blue/a\\nb.jpg and test/red/red-02.jpg, "
        f"train/red/red-00.jpg and val/blue/00.jpg, train/red/red-03.jpg and val/blue/03.jpg, "
        f"train/red/red-06.jpg and val/blue/06.jpg; delete the wrong ones"
    )


def test_pictures_in_two_classes_are_excluded_by_default_and_all_named(plain: Path) -> None:
    copies = [(f"red/red-0{n}.jpg", f"blue/copy-{n}.jpg") for n in range(3)]
    dataset = with_copies(plain, *copies, ("red/red-04.jpg", "red/z.jpg"))
    left = exclude_duplicates(dataset, digests_of(dataset), on_conflict=Recipe().on_conflict)
    conflicts = {item.file: item.reason for item in left.excluded if item.kind == "conflict"}
    assert conflicts == {
        **{copy: f"the same picture as {source}, of another class" for source, copy in copies},
        **{source: f"the same picture as {copy}, of another class" for source, copy in copies},
    }
    assert counts(assign_splits(left, seed=0), "train") == {"blue": 4, "red": 1}
    warning = summary_of(assign_splits(left, seed=0)).warnings[0]
    assert warning == (
        "6 files excluded, as the same picture lies under several classes: blue/copy-0.jpg, "
        "blue/copy-1.jpg, blue/copy-2.jpg, red/red-00.jpg, red/red-01.jpg, red/red-02.jpg; delete "
        "the wrong ones (--on-conflict error names all and stops)"
    )


def test_a_file_without_a_digest_is_no_copy() -> None:
    dataset = made(PLENTY)
    assert exclude_duplicates(dataset, {}, on_conflict="error") == dataset
    without_digests = {e.file: "" for e in dataset.examples}
    assert exclude_duplicates(dataset, without_digests, on_conflict="error") == dataset


def test_a_class_of_one_picture_and_its_copies_is_an_error(plain: Path) -> None:
    for path in sorted((plain / "red").iterdir())[1:]:
        path.unlink()
    dataset = with_copies(plain, *(("red/red-00.jpg", f"red/copy-{n}.jpg") for n in range(3)))
    with pytest.raises(DataError, match=r"'red' has one readable picture;.*copies.*3 were found"):
        exclude_duplicates(dataset, digests_of(dataset), on_conflict="error")


def test_a_class_all_of_whose_training_pictures_are_validated_on_is_an_error(split: Path) -> None:
    for path in (split / "train" / "red").iterdir():
        path.unlink()
    copies = [(f"val/red/red-0{n}.jpg", f"train/red/red-0{n}.jpg") for n in (1, 4, 7)]
    dataset = with_copies(split, *copies)
    with pytest.raises(DataError, match=r"'red' has no readable pictures in train/; exact copies"):
        exclude_duplicates(dataset, digests_of(dataset), on_conflict="error")


def test_a_summary_of_real_files(split: Path) -> None:
    (split / "train" / "red" / "notes.txt").write_text("x")
    (split / "train" / "red" / "cut.jpg").write_bytes(b"x")
    copies = [("val/red/red-01.jpg", "train/red/leak.jpg")]
    dataset = with_copies(split, *copies, ("train/blue/blue-00.jpg", "train/blue/zz.jpg"))
    dataset = without(dataset, [Excluded("train/red/cut.jpg", "damaged")])
    dataset = assign_splits(
        exclude_duplicates(dataset, digests_of(dataset), on_conflict="error"), seed=0
    )
    Image.new("RGB", (40, 7)).save(dataset.path(dataset.examples[4]))

    summary = summary_of(dataset, sizes_of(dataset))
    assert summary.counts == {name: {"blue": 3, "red": 3} for name in SPLITS}
    assert summary.exclusion_counts == {
        "unreadable": 1,
        "not_a_picture": 1,
        "duplicate": 1,
        "duplicate_across_splits": 1,
        "conflict": 0,
    }
    assert summary.imbalance == 1.0
    assert summary == summary_of(dataset, sizes_of(dataset))
    file = dataset.examples[4].file
    lines = summary_lines(summary)
    assert all(len(line) <= 80 for line in lines)
    # A line that begins with blanks goes on with the one before.
    assert "\n".join(lines).replace("\n           ", " ").split("\n") == [
        "train           6 pictures  (blue 3, red 3)",
        "validation      6 pictures  (blue 3, red 3)",
        "test            6 pictures  (blue 3, red 3)",
        "imbalance  none (3 training pictures a class)",
        f"smallest   {file}: 40 pixels wide, 7 high",
        "excluded   4 files: 1 unreadable, 1 not a picture by name, 1 a copy, "
        "1 a copy of a picture in another split",
        "excluded   train/red/notes.txt: not a picture by its name (.txt)",
        "excluded   train/red/cut.jpg: damaged",
        "excluded   train/blue/zz.jpg: the same picture as train/blue/blue-00.jpg",
        "excluded   train/red/leak.jpg: the same picture as val/red/red-01.jpg",
        *(f"warning    {warning}" for warning in summary.warnings),
    ]
    assert summary.warnings == (
        "1 file was a copy of a picture in another of the folders train, validation and test, "
        "and excluded: nothing is trained on that is evaluated on too",
        "2 classes have fewer than 10 training pictures ('blue' 3, 'red' 3); add pictures to them",
        "one picture changes accuracy by 16.7 percentage points in validation (6 in all) and 16.7 "
        "percentage points in test (6 in all); smaller differences mean nothing",
        "18 of 18 pictures are less wide or high than the model's input of 160 by 160 pixels, "
        f"{file} the smallest (40 pixels wide, 7 high); larger originals would show the model more",
    )


def test_good_data_gives_no_warnings() -> None:
    dataset = made(PLENTY)
    sizes = {e.file: (160, 160) for e in dataset.examples}
    assert summary_of(dataset, sizes).warnings == ()


@pytest.mark.parametrize(
    ("size", "warned"), [((96, 64), False), ((95, 64), True), ((96, 63), True), ((64, 96), True)]
)
def test_pictures_smaller_than_the_input_are_warned_of(size: tuple[int, int], warned: bool) -> None:
    dataset = made(PLENTY)
    sizes = {e.file: (200, 200) for e in dataset.examples} | {"test/b/7.jpg": size}
    summary = summarize(dataset, sizes=sizes, height=64, width=96, class_weights="auto")
    assert [w.startswith("1 of 160 pictures is less wide") for w in summary.warnings] == [
        True
    ] * warned
    assert all("test/b/7.jpg" in warning for warning in summary.warnings)


def test_the_smallest_picture_is_one_that_is_used_and_the_first_of_several() -> None:
    dataset = made(PLENTY)
    assert summary_of(dataset).smallest is None
    sizes = {"gone.jpg": (1, 1), "train/b/2.jpg": (5, 9), "train/a/3.jpg": (9, 5)}
    smallest = summary_of(dataset, {**sizes, "train/a/0.jpg": (6, 6)}).smallest
    assert smallest is not None
    assert (smallest.file, smallest.width, smallest.height) == ("train/a/3.jpg", 9, 5)


@pytest.mark.parametrize(
    ("many", "choice", "words"),
    [
        (90, "none", None),
        (91, "auto", "(91 and 30); class weights make up for it in the loss"),
        (91, "none", "(91 and 30); class weights are off, --class-weights auto would make up"),
    ],
)
def test_imbalance_is_warned_of_above_three_to_one(
    many: int, choice: str, words: str | None
) -> None:
    summary = summary_of(made({**PLENTY, "train": {"a": 30, "b": many}}), class_weights=choice)
    assert (summary.largest_class, summary.smallest_class) == ("b", "a")
    assert f"imbalance  {many / 30:.1f} to 1 in train  (b {many}, a 30)" in summary_lines(summary)
    assert len(summary.warnings) == (words is not None)
    if words:
        assert "class 'b' has 3.0 times the training pictures of 'a'" in summary.warnings[0]
        assert words in summary.warnings[0]


@pytest.mark.parametrize(
    ("few", "words"),
    [
        (["a"], "1 class has fewer than 10 training pictures ('a' 9); add pictures to it"),
        (list("abcde"), "5 classes have fewer than 10 training pictures ('a' 9, 'b' 9, 'c' 9 and"),
    ],
)
def test_classes_of_few_training_pictures_are_warned_of(few: list[str], words: str) -> None:
    train = {label: 9 if label in few else 10 for label in "abcdef"}
    plenty = dict.fromkeys("abcdef", 10)
    summary = summary_of(made({"train": train, "validation": plenty, "test": plenty}))
    assert [warning[: len(words)] for warning in summary.warnings] == [words]


def test_a_class_that_is_not_validated_on_is_warned_of() -> None:
    summary = summary_of(made({**PLENTY, "validation": {"a": 50}}))
    assert summary.warnings == (
        "validation has no pictures of the class 'b'; the best epoch is chosen without it",
    )


def test_a_validation_split_of_fewer_than_fifty_is_warned_of() -> None:
    summary = summary_of(made({**PLENTY, "validation": {"a": 25, "b": 24}}))
    assert summary.warnings == (
        "one picture changes accuracy by 2.0 percentage points in validation (49 in all); "
        "smaller differences mean nothing",
    )
    assert summary_of(made({**PLENTY, "test": {}})).warnings == ()


def test_a_class_that_is_not_tested_is_warned_of() -> None:
    summary = summary_of(made({**PLENTY, "test": {"b": 50}}))
    assert summary.warnings == (
        "test has no pictures of the class 'a'; the accuracy there is without it",
    )


def test_long_lists_are_shortened() -> None:
    labels = [f"class {n:02}" for n in range(12)]
    excluded = [Excluded(f"n\n{n:02}.txt", "why", "not_a_picture") for n in range(13)]
    pictures = dict.fromkeys(labels, 10)
    summary = summary_of(made(dict.fromkeys(SPLITS, pictures), *excluded))
    lines = "\n".join(summary_lines(summary)).replace("\n           ", " ").split("\n")
    assert lines[0].startswith("train         120 pictures  (class 00 10, class 01 10, ")
    assert lines[0].endswith(", class 09 10, and 2 more classes)")
    shown = [line for line in lines if line.startswith("excluded ")]
    assert shown[0] == "excluded   13 files: 13 not a picture by name"
    assert shown[1] == "excluded   n\\n00.txt: why"
    assert shown[11:] == ["excluded   3 more; split.json lists all"]
    assert not any("\n" in line for line in summary_lines(summary))


def test_notes_are_lines_of_the_summary(plain: Path) -> None:
    (plain / "logs").mkdir()
    dataset = assign_splits(scan(plain), seed=0)
    lines = summary_lines(summary_of(dataset))
    assert "note       passed over: no pictures in logs/" in lines
    assert lines.count("note       passed over: no pictures in logs/") == 1
