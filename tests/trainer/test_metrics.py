import math

import numpy as np
import pytest

from edgetl.trainer import metrics

TRUTH = np.array([0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.6, 0.1], [0.5, 0.4, 0.1]],
    np.float32,
)


def test_a_hand_worked_case() -> None:
    summary = metrics.summary(PROBABILITIES, TRUTH, ["a", "b", "c"])
    assert summary is not None
    assert summary.confusion == {"a": {"a": 1, "b": 1}, "b": {"b": 2}, "c": {"a": 1}}
    matrix = metrics.as_matrix(summary.confusion, ["a", "b", "c"])
    assert matrix.tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert summary.accuracy == pytest.approx(3 / 5)
    expected = -sum(math.log(p) for p in (0.8, 0.2, 0.8, 0.6, 0.1)) / 5
    assert summary.loss == pytest.approx(expected, abs=1e-6)
    assert summary.per_class["a"] == metrics.ClassMetrics(2, 0.5, 0.5)
    assert summary.per_class["b"].precision == pytest.approx(2 / 3)
    assert summary.per_class["c"] == metrics.ClassMetrics(1, None, 0.0)


def test_a_split_without_pictures_has_no_figures() -> None:
    assert metrics.summary(PROBABILITIES[:0], TRUTH[:0], ["a", "b", "c"]) is None


def test_a_probability_of_zero_does_not_make_the_loss_infinite() -> None:
    loss = metrics.log_loss(np.array([[0.0, 1.0]], np.float32), np.array([0]))
    assert loss == pytest.approx(-math.log(1e-7))


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (197, 200, 0.9568, 0.9949),
        (1, 1, 0.2065, 1.0),
    ],
)
def test_wilson_intervals_are_the_published_ones(
    right: int, total: int, low: float, high: float
) -> None:
    assert metrics.wilson_interval(right, total) == pytest.approx((low, high), abs=5e-5)
