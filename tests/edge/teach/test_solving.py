"""The head that is solved, with training's solver and SciPy as oracles."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der

from edgetl.edge.teach.solving import LinearHead, Span, cross_validated, minimized, solve_head
from edgetl.trainer.fitting import linear_head

CLASSES, CHANNELS = 4, 60


def features(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    targets = np.arange(count) % CLASSES
    found = np.maximum(random.normal(0, 1, (count, CHANNELS)), 0)
    found[np.arange(count), 3 * targets] += 1
    return found.astype(np.float32), targets


NOTHING = LinearHead(np.zeros((CHANNELS, CLASSES)), np.zeros(CLASSES))


@pytest.mark.parametrize("strength", [1e-3, 1e-1])
@pytest.mark.parametrize("count", [40, 400])
def test_about_nothing_it_is_training_s_head(strength: float, count: int) -> None:
    given, targets = features(count)
    weights = np.where(targets == 0, 3.0, 1.0)
    expected = linear_head.solve_head(
        given, targets, classes=CLASSES, strength=strength, weights=weights
    )
    found = solve_head(
        given, targets, about=NOTHING, strengths=np.full(CLASSES, strength), weights=weights
    )
    new, _ = features(50, seed=1)
    np.testing.assert_allclose(found.probabilities(new), expected.probabilities(new), atol=2e-3)


def test_a_firm_class_stays_where_it_was() -> None:
    given, targets = features(200)
    other = LinearHead(np.random.default_rng(3).normal(0, 0.1, NOTHING.kernel.shape), NOTHING.bias)
    strengths = np.array([1e6, 1e-2, 1e-2, 1e-2])
    found = solve_head(given, targets, about=other, strengths=strengths, weights=np.ones(200))
    moved = np.linalg.norm(found.kernel - other.kernel, axis=0)
    assert moved[0] < 1e-4 < 0.1 < moved[1:].min()


def test_heads_are_found_inside_the_span() -> None:
    given, targets = features(30)
    about = LinearHead(np.random.default_rng(3).normal(0, 1, NOTHING.kernel.shape), NOTHING.bias)
    strengths, weights = np.full(CLASSES, 0.1), np.ones(30)
    whole = solve_head(given, targets, about=about, strengths=strengths, weights=weights)
    span = Span.of(given)
    inside = solve_head(
        given @ span.basis, targets, about=span.inside(about), strengths=strengths, weights=weights
    )
    found = span.outside(inside, about)
    np.testing.assert_allclose(found.kernel, whole.kernel, atol=1e-4)
    np.testing.assert_allclose(found.bias, whole.bias, atol=1e-3)


def test_a_photo_is_predicted_by_a_head_of_others() -> None:
    given, targets = features(40)
    wrong = targets.copy()
    wrong[7] = (targets[7] + 1) % CLASSES
    arguments = {"about": NOTHING, "strengths": np.full(CLASSES, 1e-3), "weights": np.ones(40)}
    folds = np.arange(40) // 8
    right, changed = (cross_validated(given, t, folds, **arguments) for t in (targets, wrong))
    np.testing.assert_array_equal(changed[folds == 0], right[folds == 0])
    assert np.abs(changed[folds == 1] - right[folds == 1]).max() > 1e-3


def test_l_bfgs_finds_what_scipy_finds() -> None:
    # Not convex, but it has one minimum, at the end of a bent valley.
    start = np.array([-1.2, 1.0, 0.5])
    found = minimized(lambda x: (float(rosen(x)), rosen_der(x)), start)
    expected = minimize(rosen, start, jac=rosen_der, method="L-BFGS-B", options={"ftol": 1e-15}).x
    np.testing.assert_allclose(found, expected, atol=1e-4)
