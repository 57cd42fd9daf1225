from collections import Counter

import numpy as np
import pytest

from edgetl.trainer import metrics
from edgetl.trainer.data.checks import summary_lines
from edgetl.trainer.data.dataset import Example
from edgetl.trainer.fitting.averaging import Choice
from edgetl.trainer.fitting.fit import Fit
from edgetl.trainer.fitting.folds import assign_folds
from edgetl.trainer.fitting.held_out import HeldOut
from edgetl.trainer.fitting.linear_head import cross_validated_probabilities
from tests.trainer.test_data_check import PLENTY, made, summary_of

STRENGTH = 1e-4


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
    found = predicted(features, targets, folds, classes=2)
    assert metrics.accuracy(found, targets) == 1.0
    assert np.isfinite(metrics.log_loss(found, targets))


def test_there_are_no_more_folds_than_a_class_has_groups() -> None:
    folds = assign_folds([*bursts([1] * 3, "a"), *bursts([2, 1], "b")], 20, seed=0)
    assert set(folds) == {0, 1, 2}


@pytest.mark.parametrize("seed", range(5))
def test_a_class_whose_near_copies_are_of_another_too_is_spread_as_well(seed: int) -> None:
    """Were it in one fold alone, the model without that fold would not know it."""
    mixed = [Example(f"b/mixed-{n}.jpg", "b", None, "a/00-0.jpg") for n in range(2)]
    examples = [*bursts([4, 1, 1, 1, 1], "a"), *mixed, *bursts([2], "b")]
    folds = assign_folds(examples, 5, seed=seed)
    of_b = {f for e, f in zip(examples, folds.tolist(), strict=True) if e.label == "b"}
    assert len(of_b) == 2
    one = {f for e, f in zip(examples, folds.tolist(), strict=True) if e.cluster == "a/00-0.jpg"}
    assert len(one) == 1


def test_it_is_said_that_photos_are_cross_validated() -> None:
    line = "validation  cross-validated: a model of the other photos predicts each fold"
    lines = summary_lines(summary_of(made({"train": PLENTY["train"], "test": PLENTY["test"]})))
    assert [line.split()[0] for line in lines[:3]] == ["train", "test", "validation"]
    assert lines[2] == line
    assert len(line) <= 80
    assert line not in summary_lines(summary_of(made(PLENTY)))


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
    folds = assign_folds(examples, 5, seed=0)
    honest = predicted(features.astype(np.float32), targets, folds, classes=3)
    fooled = predicted(features.astype(np.float32), targets, np.arange(240) % 5, classes=3)
    assert metrics.accuracy(fooled, targets) > 0.95
    assert metrics.accuracy(honest, targets) < 0.6
    figures = fit_of(honest, targets, folds).cross_validation
    assert figures is not None
    assert (figures.folds, figures.pictures, len(figures.accuracies)) == (5, 240, 5)
    assert figures.accuracy == metrics.accuracy(honest, targets)
    assert figures.loss == pytest.approx(metrics.log_loss(honest, targets), rel=1e-5)
    assert figures.spread == pytest.approx(np.std(figures.accuracies, ddof=1))
    assert np.mean(figures.accuracies) == pytest.approx(figures.accuracy, abs=0.02)


def test_the_figures_of_one_fold_have_no_spread_and_no_folds_have_no_figures() -> None:
    targets = np.array([0, 1])
    one = fit_of(np.eye(2, dtype=np.float32), targets, np.zeros(2, np.int64)).cross_validation
    assert one is not None
    assert (one.folds, one.spread) == (1, 0.0)
    without = Fit([], [], 1, Choice(1.0, 1.0), None)
    assert (without.cross_validation, without.out_of_fold) == (None, None)


def predicted(
    features: np.ndarray, targets: np.ndarray, folds: np.ndarray, *, classes: int
) -> metrics.Probabilities:
    return cross_validated_probabilities(
        features, targets, folds, classes=classes, strengths=[STRENGTH]
    )[STRENGTH]


def fit_of(probabilities: metrics.Probabilities, targets: np.ndarray, folds: np.ndarray) -> Fit:
    held_out = HeldOut(np.arange(len(targets)), targets, folds, {0.5: probabilities})
    return Fit([], [], 1, Choice(0.5, 1.0), held_out)
