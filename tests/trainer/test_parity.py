import numpy as np
import pytest

from edgetl.trainer.exporting.parity import lowest_accuracy, parity
from edgetl.trainer.metrics import mcnemar


def test_a_hand_worked_parity() -> None:
    device = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.6, 0.4]], np.float32)
    keras_ = np.array([[0.8, 0.2], [0.6, 0.4], [0.2, 0.8], [0.6, 0.4]], np.float32)
    figures = parity(device, keras_, np.array([0, 0, 1, 1]), ["a", "b"])
    assert figures.pictures == 4
    assert figures.accuracy == pytest.approx(2 / 4)
    assert figures.accuracy_interval == pytest.approx((0.1500, 0.8500), abs=1e-4)
    assert figures.keras_accuracy == pytest.approx(3 / 4)
    assert figures.agreement == pytest.approx(3 / 4)
    assert figures.largest_difference == pytest.approx(0.2)
    assert figures.mean_difference == pytest.approx((0.1 * 2 + 0.2 * 2) / 8)
    # One picture only Keras has right: of one disagreement every outcome is as uneven.
    assert figures.mcnemar_p == 1.0
    assert (figures.fell_most, figures.recall_drop) == ("a", pytest.approx(0.5))


def test_the_same_probabilities_lose_nothing() -> None:
    same = np.array([[0.9, 0.1], [0.4, 0.6]], np.float32)
    figures = parity(same, same, np.array([0, 0]), ["a", "never there"])
    assert (figures.agreement, figures.largest_difference) == (1.0, 0.0)
    assert (figures.fell_most, figures.recall_drop) == (None, 0.0)


@pytest.mark.parametrize(
    ("pictures", "max_drop", "may_lose"),
    [(36, 1.0, 1), (36, 10.0, 3), (36, 0.0, 0), (200, 1.0, 2), (1000, 0.5, 5), (1, 1.0, 1)],
)
def test_one_picture_more_than_allowed_is_too_many(
    pictures: int, max_drop: float, may_lose: int
) -> None:
    for keras_right in (pictures, pictures - pictures // 10):
        lowest = lowest_accuracy(keras_right / pictures, pictures, max_drop=max_drop)
        assert (keras_right - may_lose) / pictures >= lowest
        assert (keras_right - may_lose - 1) / pictures < lowest


@pytest.mark.parametrize(
    ("first_only", "second_only", "expected"),
    [
        (0, 0, 1.0),
        (1, 1, 1.0),
        (5, 5, 1.0),
        (0, 5, 2 / 2**5),
        (1, 5, 2 * (1 + 6) / 2**6),
        (10, 2, 2 * (1 + 12 + 66) / 2**12),
    ],
)
def test_hand_worked_cases_of_mcnemars_exact_test(
    first_only: int, second_only: int, expected: float
) -> None:
    assert mcnemar(first_only, second_only) == pytest.approx(expected)
    assert mcnemar(second_only, first_only) == pytest.approx(expected)
