import math

import numpy as np
import pytest
from scipy import stats

from edgetl.edge.model.intervals import wilson_interval
from edgetl.trainer import metrics

TARGETS = np.array([0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.6, 0.1], [0.5, 0.4, 0.1]],
    np.float32,
)


def test_a_hand_worked_case() -> None:
    summary = metrics.summary(PROBABILITIES, TARGETS, ["a", "b", "c"], clusters=list("vwxyz"))
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
    assert metrics.summary(PROBABILITIES[:0], TARGETS[:0], ["a", "b", "c"], clusters=[]) is None


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
    assert wilson_interval(right, total) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_of_unrelated_pictures_is_wilsons() -> None:
    right = np.array([True] * 5 + [False] * 5)
    clusters = [str(number) for number in range(10)]
    assert metrics.accuracy_interval(right, clusters) == wilson_interval(5, 10)


def test_near_copies_count_as_one_in_the_interval() -> None:
    # 3 clusters of 12: Wilson's score with Student's t of 2 degrees of freedom for 3 pictures.
    t = stats.t.ppf(0.975, 2)
    low, high = metrics.accuracy_interval(np.array([True] * 36), list("abc") * 12)
    assert (low, high) == pytest.approx((1 / (1 + t * t / 3), 1.0), abs=1e-3)
    # Sizes 5, 1, 1, 1: 8 squared over 28 pictures.
    _, most = metrics.accuracy_interval(np.array([False] * 8), list("aaaaabcd"))
    t = stats.t.ppf(0.975, 3)
    effective = 64 / 28
    assert most == pytest.approx(t * t / effective / (1 + t * t / effective), abs=5e-3)


def test_of_one_cluster_nothing_is_known() -> None:
    assert metrics.accuracy_interval(np.array([True] * 30), ["a"] * 30) == (0.0, 1.0)


def test_the_interval_covers_the_accuracy_of_clusters_right_or_wrong_together() -> None:
    random = np.random.default_rng(0)
    for clusters in (3, 6, 20):
        covered = 0
        for _ in range(400):
            sizes = random.integers(1, 20, clusters)
            right = np.repeat(random.random(clusters) < 0.7, sizes)
            names = np.repeat(np.arange(clusters).astype(str), sizes)
            low, high = metrics.accuracy_interval(right, names.tolist())
            covered += low <= 0.7 <= high
        assert covered / 400 >= 0.95


def test_the_accuracy_without_near_copies_of_training_pictures() -> None:
    made = metrics.summary(
        PROBABILITIES, TARGETS, ["a", "b", "c"], clusters=list("vvxyz"), trained=["v", "z", "q"]
    )
    assert made is not None
    assert (made.near_copies, made.accuracy_without) == (3, 1.0)
    none = metrics.summary(
        PROBABILITIES, TARGETS, ["a", "b", "c"], clusters=list("vvxyz"), trained=list("vxyz")
    )
    assert none is not None
    assert (none.near_copies, none.accuracy_without) == (5, None)
