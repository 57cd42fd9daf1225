from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from edgetl.trainer import metrics
from edgetl.trainer.data.memory_mapped import write_rows
from edgetl.trainer.fitting.linear_head import (
    STRENGTHS,
    LinearHead,
    _basis,
    best_strength,
    cross_validated_probabilities,
    solve_head,
)
from edgetl.trainer.fitting.rows import PhaseInputs, Rows
from edgetl.trainer.fitting.solving import cross_validate, solved_head

CLASSES = 3


def clusters(seed: int, count: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Features around a centre a class, float32 [count, 8], and their classes."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(CLASSES, 8))
    targets = np.arange(count) % CLASSES
    features = centres[targets] + random.normal(scale=spread, size=(count, 8)) + 5
    return features.astype(np.float32), targets


@pytest.mark.parametrize("strength", [1e-4, 1e-2, 1.0])
def test_the_solution_is_where_the_slope_is_zero(strength: float) -> None:
    features, targets = clusters(0, 90, 1.0)
    head = solve_head(features, targets, classes=CLASSES, strength=strength)
    flat = np.concatenate([head.kernel.ravel(), head.bias])

    def loss(values: np.ndarray) -> float:
        at = LinearHead(values[: head.kernel.size].reshape(head.kernel.shape), values[-CLASSES:])
        logits = features.astype(np.float64) @ at.kernel + at.bias
        logits -= logits.max(axis=1, keepdims=True)
        entropy = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(90), targets]
        return float(entropy.mean() + strength / 2 * (at.kernel**2).sum())

    slope = approx_fprime(flat, loss, 1e-6)
    assert np.abs(slope).max() < 2e-4
    nearby = np.random.default_rng(1).normal(scale=0.05, size=(20, len(flat)))
    assert min(loss(flat + step) for step in nearby) > loss(flat)


def test_a_start_changes_the_way_and_not_the_solution() -> None:
    features, targets = clusters(0, 90, 1.0)
    cold = solve_head(features, targets, classes=CLASSES, strength=1e-2)
    other = solve_head(features, targets, classes=CLASSES, strength=1.0)
    warm = solve_head(features, targets, classes=CLASSES, strength=1e-2, start=other)
    np.testing.assert_allclose(warm.kernel, cold.kernel, atol=2e-3)
    np.testing.assert_allclose(
        warm.probabilities(features), cold.probabilities(features), atol=1e-3
    )


def test_a_picture_of_twice_the_weight_counts_as_two() -> None:
    features, targets = clusters(0, 60, 1.0)
    weights = np.where(np.arange(60) < 20, 2.0, 1.0)
    weighted = solve_head(features, targets, classes=CLASSES, strength=0.1, weights=weights)
    again = [*range(60), *range(20)]
    doubled = solve_head(features[again], targets[again], classes=CLASSES, strength=0.1)
    np.testing.assert_allclose(weighted.kernel, doubled.kernel, atol=1e-3)


@pytest.mark.parametrize("strength", [1e-4, 1e-1])
def test_fewer_pictures_than_features_are_solved_in_fewer_dimensions_to_the_same_head(
    monkeypatch: pytest.MonkeyPatch, strength: float
) -> None:
    random = np.random.default_rng(0)
    targets = np.arange(24) % CLASSES
    features = (random.normal(size=(24, 60)) + targets[:, np.newaxis] + 3).astype(np.float32)
    assert _basis(features) is not None
    start = LinearHead(random.normal(size=(60, CLASSES)), np.zeros(CLASSES))

    def solved(start: LinearHead | None = None) -> LinearHead:
        return solve_head(features, targets, classes=CLASSES, strength=strength, start=start)

    short, begun = solved(), solved(start)
    monkeypatch.setattr("edgetl.trainer.fitting.linear_head._basis", lambda _: None)
    whole = solved()
    for head in (short, begun):
        np.testing.assert_allclose(head.kernel, whole.kernel, atol=1e-2)
        np.testing.assert_allclose(
            head.probabilities(features), whole.probabilities(features), atol=1e-3
        )
    # No feature outside of what the pictures span has a weight.
    assert head.kernel.shape == (60, CLASSES)
    np.testing.assert_allclose(_outside(features) @ short.kernel, 0, atol=1e-4)


def _outside(features: np.ndarray) -> np.ndarray:
    """Directions that are orthogonal to all pictures."""
    directions: np.ndarray = np.linalg.svd(features.astype(np.float64))[2][len(features) :]
    return directions


def test_a_class_that_is_held_out_whole_gets_no_probability_and_no_nan() -> None:
    features, targets = clusters(0, 90, 1.0)
    seen = targets != 2
    head = solve_head(features[seen], targets[seen], classes=CLASSES, strength=1e-5)
    found = head.probabilities(features)
    assert np.isfinite(found).all()
    assert found[:, 2].max() < 0.05


def test_the_strength_is_chosen_with_the_weights_and_on_all_copies(tmp_path: Path) -> None:
    features, targets = clusters(0, 60, 1.5)
    copies = [rows_of(tmp_path / f"{n}.npy", features + n / 10, targets) for n in range(2)]
    inputs = PhaseInputs(copies, copies[0], copies[0].of(np.zeros(60, bool)))
    strength = cross_validate(inputs, np.arange(60) // CLASSES % 5, [1.0, 1.0, 3.0]).strength
    assert strength in STRENGTHS
    head = solved_head(inputs, [1.0, 1.0, 3.0], strength)
    expected = solve_head(
        np.concatenate([copy.read() for copy in copies]),
        np.tile(targets, 2),
        classes=CLASSES,
        strength=strength,
        weights=np.array([1.0, 1.0, 3.0])[np.tile(targets, 2)],
    )
    np.testing.assert_array_equal(head.kernel, expected.kernel)
    # One fold leaves nothing to learn from.
    none = cross_validate(inputs, np.zeros(60, np.int64), [1.0] * 3)
    assert none.strength > 0
    assert none.probabilities is None


def test_every_picture_is_predicted_once_the_strength_is_chosen_on_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features, targets = clusters(0, 240, 1.0)
    copy = rows_of(tmp_path / "all.npy", features, targets)
    inputs = PhaseInputs([copy, copy], copy, copy.of(np.zeros(240, bool)))
    folds = np.arange(240) // CLASSES % 5
    monkeypatch.setattr("edgetl.trainer.fitting.solving._PICTURES", 90)
    found = cross_validate(inputs, folds, [1.0] * 3)
    assert found.probabilities is not None
    assert found.probabilities.shape == (240, 3)
    assert metrics.accuracy(found.probabilities, targets) > 0.8
    assert found.loss > 0


def rows_of(path: Path, features: np.ndarray, targets: np.ndarray) -> Rows:
    file = write_rows(path, len(features), [features], np.float32)
    return Rows(file, np.arange(len(features)), targets)


def test_cross_validation_predicts_pictures_that_were_not_learned_from() -> None:
    features, _ = clusters(0, 300, 1.0)
    targets = np.random.default_rng(5).integers(0, CLASSES, 300)  # nothing can be learned
    folds = np.arange(300) % 5
    strengths = (1e-5, 1.0)
    found = cross_validated_probabilities(
        features, targets, folds, classes=CLASSES, strengths=strengths
    )
    learned = solve_head(features, targets, classes=CLASSES, strength=1e-5)
    assert metrics.accuracy(learned.probabilities(features), targets) > 0.36
    assert metrics.accuracy(found[1e-5], targets) < 0.42
    # What cannot be learned is better left alone.
    assert best_strength(found, targets) == 1.0


def test_more_pictures_want_a_weaker_penalty() -> None:
    def chosen(count: int) -> float:
        features, targets = clusters(0, count, 1.5)
        strengths = (1e-3, 1e-2, 1e-1, 1.0)
        found = cross_validated_probabilities(
            features, targets, np.arange(count) // CLASSES % 5, classes=CLASSES, strengths=strengths
        )
        return best_strength(found, targets)

    assert chosen(30) >= chosen(3000)


def test_features_on_disk_are_solved_block_by_block_to_the_same_head(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    features, targets = clusters(0, 90, 1.0)
    weights = np.where(targets == 0, 2.0, 1.0)
    file = write_rows(tmp_path / "features.npy", 90, [features], np.float32)
    monkeypatch.setattr("edgetl.trainer.fitting.linear_head._BLOCK", 32)
    order = np.random.default_rng(0).permutation(90)
    on_disk = Rows(file, order, targets[order])
    for strength in (1e-4, 1e-1):
        found = solve_head(
            on_disk, targets[order], classes=CLASSES, strength=strength, weights=weights[order]
        )
        expected = solve_head(
            features, targets, classes=CLASSES, strength=strength, weights=weights
        )
        np.testing.assert_allclose(
            found.probabilities(features), expected.probabilities(features), atol=1e-3
        )
