from collections import Counter
from pathlib import Path

import numpy as np

from edgetl.trainer.data.dataset import Dataset, Example, Split
from edgetl.trainer.exporting.check_pictures import drawn, halves


def made(split: Split, label: str, count: int, group: str | None = None) -> list[Example]:
    return [Example(f"{split}/{label}/{n:03}.jpg", label, split, group) for n in range(count)]


def test_those_that_were_not_trained_on_come_first_and_classes_in_turn() -> None:
    examples = made("train", "a", 40) + made("train", "b", 5) + made("test", "a", 3)
    dataset = Dataset(Path("x"), ("a", "b"), (*examples, *made("validation", "a", 2)))
    found = [dataset.examples[i] for i in drawn(dataset, ("test", "validation", "train"))]
    assert len(found) == 50
    assert [e.split for e in found if e.label == "a"][:5] == ["test"] * 3 + ["validation"] * 2
    assert [e.label for e in found[:10]] == ["a", "b"] * 5


def test_a_class_is_drawn_from_all_of_it_and_the_same_each_time() -> None:
    dataset = Dataset(Path("x"), ("a", "b"), (*made("train", "a", 200), *made("train", "b", 200)))
    numbers = [i % 200 for i in drawn(dataset, ("train",))[:100]]
    assert drawn(dataset, ("train",))[:100] == drawn(dataset, ("train",))[:100]
    # A quarter of each class: as many from each quarter of its files, within chance.
    of_quarters = Counter(number // 50 for number in numbers)
    assert all(15 <= of_quarters[quarter] <= 36 for quarter in range(4))


def test_near_copies_are_checked_once() -> None:
    burst = made("train", "a", 10, group="train/a/000.jpg")
    dataset = Dataset(Path("x"), ("a", "b"), (*burst, *made("train", "b", 3)))
    labels = [dataset.examples[i].label for i in drawn(dataset, ("train",))]
    assert sorted(labels) == ["a", "b", "b", "b"]


def test_halves_have_as_many_of_each_class_and_share_none() -> None:
    targets = np.array([0, 1, 0, 1, 0, 0, 2])
    first, second = halves(targets)
    assert (first.tolist(), second.tolist()) == ([0, 1, 4, 6], [2, 3, 5])
