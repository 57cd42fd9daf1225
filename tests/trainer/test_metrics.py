import math

import numpy as np
import pytest

from trainer import metrics

TRUTH = np.array([0, 0, 1, 1, 2])
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.1, 0.8, 0.1], [0.3, 0.6, 0.1], [0.5, 0.4, 0.1]],
    np.float32,
)


def test_a_hand_worked_case() -> None:
    summary = metrics.summary(PROBABILITIES, TRUTH, ["a", "b", "c"])
    assert summary is not None
    assert summary["confusion"] == [[1, 1, 0], [0, 2, 0], [1, 0, 0]]
    assert summary["accuracy"] == pytest.approx(3 / 5)
    expected = -sum(math.log(p) for p in (0.8, 0.2, 0.8, 0.6, 0.1)) / 5
    assert summary["loss"] == pytest.approx(expected, abs=1e-6)
    assert summary["per_class"]["a"] == {"pictures": 2, "precision": 0.5, "recall": 0.5}
    assert summary["per_class"]["b"]["precision"] == pytest.approx(2 / 3)
    assert summary["per_class"]["c"] == {"pictures": 1, "precision": None, "recall": 0.0}


def test_a_split_without_pictures_has_no_figures() -> None:
    assert metrics.summary(PROBABILITIES[:0], TRUTH[:0], ["a", "b", "c"]) is None


def test_a_probability_of_zero_does_not_make_the_loss_infinite() -> None:
    loss = metrics.log_loss(np.array([[0.0, 1.0]], np.float32), np.array([0]))
    assert loss == pytest.approx(-math.log(1e-7))
