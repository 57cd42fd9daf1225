import numpy as np
import pytest
from scipy.optimize import approx_fprime

from edgetl.trainer import metrics
from edgetl.trainer.fitting.linear_head import (
    LinearHead,
    best_strength,
    cross_validated_probabilities,
    solve_head,
)

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
