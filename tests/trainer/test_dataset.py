import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge import EdgetlError
from edgetl.edge.errors import DataError
from edgetl.trainer.data.dataset import (
    Dataset,
    Example,
    Excluded,
    counts,
    without,
)
from edgetl.trainer.data.groups import by_group, with_groups
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.splitting import assign_splits
from edgetl.trainer.run.split_record import read_split, write_split


def fill(root: Path, counts: dict[str, int], suffix: str = ".png") -> Path:
    for folder, count in counts.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            Image.new("RGB", (4, 4)).save(root / folder / f"{number:03}{suffix}")
    return root


def split_counts(dataset: Dataset) -> dict[tuple[str | None, str], int]:
    return dict(Counter((e.split, e.label) for e in dataset.examples))


def test_a_folder_per_class_is_split_by_class_in_fixed_shares(tmp_path: Path) -> None:
    dataset = assign_splits(scan(fill(tmp_path, {"cat": 50, "dog": 20})), seed=0)
    assert dataset.labels == ("cat", "dog")
    assert counts(dataset, "train") == {"cat": 35, "dog": 14}
    assert counts(dataset, "validation") == {"cat": 10, "dog": 4}
    assert counts(dataset, "test") == {"cat": 5, "dog": 2}


@pytest.mark.parametrize("name", ["validation", "val"])
def test_a_fifth_of_the_validation_folder_becomes_the_test_split(tmp_path: Path, name: str) -> None:
    folders = {"train/cat": 6, "train/dog": 4, f"{name}/cat": 10, f"{name}/dog": 20}
    dataset = assign_splits(scan(fill(tmp_path, folders)), seed=0)
    assert split_counts(dataset) == {
        ("train", "cat"): 6,
        ("train", "dog"): 4,
        ("validation", "cat"): 8,
        ("validation", "dog"): 16,
        ("test", "cat"): 2,
        ("test", "dog"): 4,
    }


def test_three_split_folders_are_taken_as_they_are(tmp_path: Path) -> None:
    folders = {f"{split}/{label}": 5 for split in ("train", "val", "test") for label in "ab"}
    dataset = assign_splits(scan(fill(tmp_path, folders)), seed=0)
    assert all(
        e.file.startswith(("val" if e.split == "validation" else e.split) + "/")
        for e in dataset.examples
    )


def test_validation_is_held_out_of_train_where_only_test_is_given(tmp_path: Path) -> None:
    folders = {"train/a": 10, "train/b": 10, "test/a": 3, "test/b": 3}
    dataset = assign_splits(scan(fill(tmp_path, folders)), seed=0)
    assert counts(dataset, "train") == {"a": 8, "b": 8}
    assert counts(dataset, "validation") == {"a": 2, "b": 2}
    assert counts(dataset, "test") == {"a": 3, "b": 3}


@pytest.mark.parametrize("folders", [{"a": 9, "b": 2}, {"train/a": 9, "train/b": 2}])
def test_few_photos_all_train_unless_some_are_to_be_held_out(
    tmp_path: Path, folders: dict[str, int]
) -> None:
    found = scan(fill(tmp_path, folders))
    dataset = assign_splits(found, seed=0, hold_out=False)
    assert split_counts(dataset) == {("train", "a"): 9, ("train", "b"): 2}
    assert dataset.held_out == "train"
    held_out = assign_splits(found, seed=0, hold_out=True)
    assert held_out == assign_splits(found, seed=0)
    assert {split for split, _ in split_counts(held_out)} == {"train", "validation", "test"}


def test_a_test_folder_is_tested_on_where_all_others_train(tmp_path: Path) -> None:
    folders = {"train/a": 10, "train/b": 10, "test/a": 3, "test/b": 3}
    dataset = assign_splits(scan(fill(tmp_path, folders)), seed=0, hold_out=False)
    assert counts(dataset, "train") == {"a": 10, "b": 10}
    assert counts(dataset, "test") == {"a": 3, "b": 3}
    assert dataset.held_out == "test"


def test_a_validation_folder_is_validated_on_either_way(tmp_path: Path) -> None:
    found = scan(fill(tmp_path, {"train/a": 6, "train/b": 4, "val/a": 10, "val/b": 20}))
    assert assign_splits(found, seed=0, hold_out=False) == assign_splits(found, seed=0)


def test_many_photos_are_held_out_without_being_asked_for() -> None:
    def made(count: int) -> Dataset:
        examples = tuple(Example(f"{n}.jpg", "ab"[n % 2], None) for n in range(count))
        return assign_splits(Dataset(Path("x"), ("a", "b"), examples), seed=0, hold_out=False)

    assert split_counts(made(4999)) == {("train", "a"): 2500, ("train", "b"): 2499}
    assert counts(made(5000), "validation") == {"a": 500, "b": 500}
    assert counts(made(5000), "test") == {"a": 250, "b": 250}


def test_the_split_depends_on_the_seed_alone(tmp_path: Path) -> None:
    dataset = scan(fill(tmp_path, {"a": 30, "b": 30}))
    assert assign_splits(dataset, seed=1) == assign_splits(dataset, seed=1)
    assert assign_splits(dataset, seed=1) != assign_splits(dataset, seed=2)


def test_one_more_picture_moves_few_of_the_others(tmp_path: Path) -> None:
    before = assign_splits(scan(fill(tmp_path, {"a": 100, "b": 100})), seed=0)
    Image.new("RGB", (4, 4)).save(tmp_path / "a" / "new.png")
    after = {e.file: e.split for e in assign_splits(scan(tmp_path), seed=0).examples}
    moved = [e.file for e in before.examples if after[e.file] != e.split]
    assert len(moved) <= 2


def test_every_class_has_a_picture_to_train_and_one_to_validate(tmp_path: Path) -> None:
    dataset = assign_splits(scan(fill(tmp_path, {"a": 2, "b": 3, "c": 40})), seed=0)
    assert all(n >= 1 for n in counts(dataset, "train").values())
    assert all(n >= 1 for n in counts(dataset, "validation").values())


def test_every_class_is_in_every_split_from_three_pictures_on(tmp_path: Path) -> None:
    folders = {"a": 3, "b": 4, "c": 5, "d": 40}
    for seed in range(20):
        dataset = assign_splits(scan(fill(tmp_path, folders)), seed=seed)
        assert min(split_counts(dataset).values()) >= 1
        assert len(split_counts(dataset)) == 3 * len(folders)


def test_a_class_in_train_and_twice_in_validation_is_tested_too(tmp_path: Path) -> None:
    folders = {"train/a": 4, "train/b": 4, "val/a": 2, "val/b": 20}
    dataset = assign_splits(scan(fill(tmp_path, folders)), seed=0)
    assert counts(dataset, "test") == {"a": 1, "b": 4}
    assert counts(dataset, "validation") == {"a": 1, "b": 16}


def with_bursts(label: str, sizes: list[int]) -> tuple[list[Example], list[list[str]]]:
    bursts = [[f"{label}/{n:02}-{k:02}.jpg" for k in range(size)] for n, size in enumerate(sizes)]
    return [Example(file, label, None) for burst in bursts for file in burst], bursts


def in_groups(*classes: tuple[list[Example], list[list[str]]]) -> Dataset:
    examples = [example for members, _ in classes for example in members]
    labels = tuple(sorted({example.label for example in examples}))
    dataset = Dataset(Path("x"), labels, tuple(examples))
    return with_groups(dataset, [burst for _, bursts in classes for burst in bursts])


@pytest.mark.parametrize("seed", range(20))
def test_near_copies_never_straddle_a_split(seed: int) -> None:
    random = np.random.default_rng(seed)
    sizes = {label: random.integers(1, 15, 12).tolist() for label in "abc"}
    dataset = in_groups(*(with_bursts(label, mine) for label, mine in sizes.items()))
    split = assign_splits(dataset, seed=seed)
    for members in by_group(split.examples).values():
        assert len({example.split for example in members}) == 1
    assert len(split_counts(split)) == 9


def test_near_copies_of_several_classes_stay_together_and_each_class_is_everywhere() -> None:
    # Each scene holds both classes: neither has a group of its own.
    scenes = [[f"{label}/{n}-{k}.jpg" for label in "ab" for k in range(3)] for n in range(5)]
    examples = tuple(Example(file, file[0], None) for scene in scenes for file in scene)
    dataset = with_groups(Dataset(Path("x"), ("a", "b"), examples), scenes)
    for seed in range(20):
        split = assign_splits(dataset, seed=seed)
        assert len(split_counts(split)) == 6
        assert all(
            len({e.split for e in members}) == 1 for members in by_group(split.examples).values()
        )


def test_the_shares_are_the_usual_ones_on_the_mean() -> None:
    dataset = in_groups(with_bursts("a", [1, 6, 2, 9] * 10), with_bursts("b", [4] * 30))
    splits = [assign_splits(dataset, seed=seed) for seed in range(40)]
    for name, share in (("validation", 0.2), ("test", 0.1)):
        held = np.mean([len(split.of(name)) for split in splits]) / len(dataset.examples)
        assert held == pytest.approx(share, abs=0.01)


def test_two_groups_are_trained_and_validated_on() -> None:
    split = assign_splits(in_groups(with_bursts("a", [8, 8]), with_bursts("b", [1] * 20)), seed=0)
    assert {e.split for e in split.examples if e.label == "a"} == {"train", "validation"}
    assert all(len({e.split for e in m}) == 1 for m in by_group(split.examples).values())


def test_a_class_that_is_one_group_is_divided_all_the_same() -> None:
    split = assign_splits(in_groups(with_bursts("a", [20]), with_bursts("b", [1] * 20)), seed=0)
    assert split_counts(split)["train", "a"] == 14
    assert len(by_group(split.examples)) == 1


def test_one_more_burst_moves_few_of_the_others() -> None:
    sizes = [3, 1, 7, 2] * 12
    before = assign_splits(in_groups(with_bursts("a", sizes), with_bursts("b", sizes)), seed=0)
    after = assign_splits(in_groups(with_bursts("a", [*sizes, 5]), with_bursts("b", sizes)), seed=0)
    splits = {e.file: e.split for e in after.examples}
    assert sum(splits[e.file] != e.split for e in before.examples) <= 14


def test_split_json_keeps_the_groups(tmp_path: Path) -> None:
    dataset = assign_splits(
        in_groups(with_bursts("a", [3, 1, 2, 4]), with_bursts("b", [1] * 9)), seed=0
    )
    write_split(tmp_path / "split.json", dataset, {e.file: "0" * 64 for e in dataset.examples})
    again = read_split(tmp_path / "split.json", dataset.root, dataset.labels)
    assert set(again.examples) == set(dataset.examples)
    written = json.loads((tmp_path / "split.json").read_text())
    assert sorted(map(len, written["groups"])) == [2, 3, 4]


def test_nested_folders_and_odd_names_belong_to_their_class(tmp_path: Path) -> None:
    fill(tmp_path, {"a/2024/june": 2, "b c": 2, "żółw $x_1$": 2})
    dataset = scan(tmp_path)
    assert dataset.labels == ("a", "b c", "żółw $x_1$")
    assert "a/2024/june/000.png" in [e.file for e in dataset.examples]
    assert all(dataset.path(e).is_file() for e in dataset.examples)


def test_hidden_files_are_ignored_and_other_files_excluded(tmp_path: Path) -> None:
    fill(tmp_path, {"a": 2, "b": 2, ".thumbnails": 3, "a/.cache": 3})
    (tmp_path / "a" / ".DS_Store").write_bytes(b"x")
    (tmp_path / "a" / "notes.txt").write_text("x")
    dataset = scan(tmp_path)
    assert len(dataset.examples) == 4
    assert {item.file: item.reason for item in dataset.excluded} == {
        "a/notes.txt": "not a picture by its name (.txt)",
    }
    assert {item.kind for item in dataset.excluded} == {"not_a_picture"}


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    fill(tmp_path, {"a": 2, "b": 2})
    (tmp_path / "a" / "again").symlink_to(tmp_path / "a", target_is_directory=True)
    assert len(scan(tmp_path).examples) == 4


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        ({}, "no pictures found"),
        ({"a": 3}, "only one class (a)"),
        ({"none": 3, "other": 3}, "no class, as whatever is called none, other, unknown, back"),
        ({"a": 3, "b": 1}, "class 'b' has one readable picture"),
        ({"a": 3, "b": 0}, "only one class (a); a classifier needs"),
        ({"train/a": 3, "train/b": 3, "val/a": 2, "val/c": 2}, "validation has the class 'c'"),
        ({"train/a": 3, "train/b": 3, "val/a": 2, "validation/a": 2}, "both val/ and validation/"),
        ({"train/a": 3, "train/b": 0, "val/a": 2, "val/b": 2}, "the class 'b', of which there"),
        ({"a": 1, "b": 3, "c": 1}, "2 classes have too few readable pictures ('a' 1, 'c' 1)"),
        ({"train/a": 3, "train/b": 1, "test/a": 2, "test/b": 2}, "one readable picture outside"),
    ],
)  # fmt: skip
def test_a_folder_that_cannot_be_trained_on_is_named(
    tmp_path: Path, folders: dict[str, int], words: str
) -> None:
    with pytest.raises(DataError, match=r".") as error:
        scan(fill(tmp_path, folders))
    assert words in str(error.value)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_folder_and_a_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(EdgetlError, match="no such file or directory"):
        scan(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(EdgetlError, match="not a directory"):
        scan(tmp_path / "file")


def test_unreadable_pictures_leave_and_a_class_left_with_one_is_an_error() -> None:
    examples = tuple(Example(f"{label}/{n}.jpg", label, None) for label in "ab" for n in range(3))
    dataset = Dataset(Path("x"), ("a", "b"), examples)
    left = without(dataset, [Excluded("a/0.jpg", "damaged")])
    assert len(left.examples) == 5
    assert left.excluded == (Excluded("a/0.jpg", "damaged"),)
    with pytest.raises(DataError, match="class 'a' has one readable picture"):
        without(left, [Excluded("a/1.jpg", "damaged")])


def test_in_turn_begins_with_one_picture_of_each_class(tmp_path: Path) -> None:
    dataset = assign_splits(scan(fill(tmp_path, {"a": 20, "b": 4, "c": 10})), seed=0)
    places = dataset.interleaved("train")
    assert sorted(places) == dataset.of("train")
    assert [dataset.examples[i].label for i in places[:6]] == ["a", "b", "c"] * 2
