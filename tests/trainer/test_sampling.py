"""Some of very many photos, and how many of them are held out."""

from collections import Counter
from pathlib import Path

import pytest

from edgetl.trainer.data.dataset import Dataset, Example, Split
from edgetl.trainer.data.sampling import sampled
from edgetl.trainer.data.splitting import assign_splits


def photos(split: Split | None, **of_class: int) -> list[Example]:
    return [
        Example(f"{label}/{split}-{number}.jpg", label, split)
        for label, count in of_class.items()
        for number in range(count)
    ]


def dataset(*examples: Example) -> Dataset:
    return Dataset(Path("x"), tuple(sorted({e.label for e in examples})), examples)


def drawn(found: Dataset) -> dict[tuple[str | None, str], int]:
    return dict(Counter((e.split, e.label) for e in found.examples))


def test_each_class_keeps_its_share_and_a_rare_one_enough_to_be_learned() -> None:
    found = dataset(*photos("train", cat=900, dog=90, hen=10), *photos("test", cat=900, dog=9))
    some = sampled(found, {"train": 100, "test": 100}, seed=0)
    # Half of the 33 that each would have if all had as many, as far as a class has them.
    assert drawn(some) == {
        ("train", "cat"): 90, ("train", "dog"): 16, ("train", "hen"): 10,
        ("test", "cat"): 99, ("test", "dog"): 1,
    }  # fmt: skip
    assert set(some.examples) < set(found.examples)
    assert list(some.examples) == sorted(some.examples, key=found.examples.index)


def test_the_draw_depends_on_the_seed_alone_and_leaves_what_is_few() -> None:
    found = dataset(*photos("train", cat=50, dog=50), *photos("validation", cat=3, dog=3))
    first = sampled(found, {"train": 20, "validation": 20}, seed=1)
    assert first == sampled(found, {"train": 20, "validation": 20}, seed=1)
    assert first != sampled(found, {"train": 20, "validation": 20}, seed=2)
    assert [e for e in first.examples if e.split == "validation"] == list(found.examples[100:])


@pytest.mark.parametrize(
    ("each", "splits"),
    [
        (50, {"train": 70, "validation": 20, "test": 10}),
        (500, {"train": 920, "validation": 40, "test": 40}),
    ],
)
def test_about_so_many_photos_are_held_out_at_most(each: int, splits: dict[str, int]) -> None:
    found = dataset(*photos(None, cat=each, dog=each))
    assert Counter(e.split for e in assign_splits(found, seed=0, at_most=40).examples) == splits
