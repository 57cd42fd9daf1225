from collections import Counter

import numpy as np
import pytest

from edgetl.trainer.data.dataset import Example
from edgetl.trainer.fitting.cross_validation import assign_folds, cross_validate


def bursts(sizes: list[int], label: str) -> list[Example]:
    return [
        Example(f"{label}/{n:02}-{k}.jpg", label, None, f"{label}/{n:02}-0.jpg")
        for n, size in enumerate(sizes)
        for k in range(size)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_near_copies_share_a_fold_and_classes_are_spread_evenly(seed: int) -> None:
    examples = [*bursts([7, 1, 1, 3, 2, 4, 1, 1] * 3, "a"), *bursts([1] * 10, "b")]
    folds = assign_folds(examples, 5, seed=seed)
    by_group: dict[str, set[int]] = {}
    for example, fold in zip(examples, folds.tolist(), strict=True):
        by_group.setdefault(example.cluster, set()).add(fold)
    assert {len(found) for found in by_group.values()} == {1}
    for label, most in (("a", 1), ("b", 0)):
        counts = Counter(
            f for e, f in zip(examples, folds.tolist(), strict=True) if e.label == label
        )
        assert max(counts.values()) - min(counts.values()) <= most
        assert len(counts) == 5


def test_a_class_of_one_burst_is_divided_so_that_heads_learn_from_it() -> None:
    examples = [*bursts([12], "a"), *bursts([1] * 12, "b")]
    folds = assign_folds(examples, 5, seed=0)
    targets = np.array([example.label == "b" for example in examples]).astype(np.int64)
    assert all(len(set(folds[targets == label])) == 5 for label in (0, 1))
    features = np.eye(2, dtype=np.float32)[targets]
    found = cross_validate(features, targets, folds, classes=2)
    assert found.accuracy == 1.0
    assert np.isfinite(found.loss)


def test_folds_that_could_not_be_filled_are_said(caplog: pytest.LogCaptureFixture) -> None:
    folds = assign_folds([*bursts([1] * 3, "a"), *bursts([2, 1], "b")], 20, seed=0)
    assert set(folds) == {0, 1, 2}
    (line,) = caplog.messages
    assert line.startswith("cross-validation has 3 folds and not 20")


def test_another_seed_makes_other_folds() -> None:
    examples = bursts([1] * 40, "a")
    one, other = (assign_folds(examples, 5, seed=seed).tolist() for seed in (0, 1))
    assert one != other
    assert assign_folds(examples, 5, seed=0).tolist() == one


def test_the_figures_are_of_photos_that_were_not_learned_from() -> None:
    random = np.random.default_rng(0)
    scenes = np.repeat(np.arange(30), 8)
    features = random.normal(size=(30, 64))[scenes] + random.normal(scale=0.1, size=(240, 64))
    targets = random.integers(0, 3, 30)[scenes]  # classes by lot: nothing to learn but the scene
    examples = [
        Example(f"{n}.jpg", str(target), None, str(scene))
        for n, (target, scene) in enumerate(zip(targets, scenes, strict=True))
    ]
    honest = cross_validate(
        features.astype(np.float32), targets, assign_folds(examples, 5, seed=0), classes=3
    )
    fooled = cross_validate(features.astype(np.float32), targets, np.arange(240) % 5, classes=3)
    assert (honest.folds, honest.pictures, len(honest.accuracies)) == (5, 240, 5)
    assert fooled.accuracy > 0.95
    assert honest.accuracy < 0.6
    assert honest.spread == pytest.approx(np.std(honest.accuracies, ddof=1))
