import numpy as np
import pytest

from edgetl.trainer.exporting.parity import parity
from edgetl.trainer.metrics import mcnemar


def test_a_hand_worked_parity() -> None:
    device = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.6, 0.4]], np.float32)
    keras_ = np.array([[0.8, 0.2], [0.6, 0.4], [0.2, 0.8], [0.6, 0.4]], np.float32)
    figures = parity(device, keras_, np.array([0, 0, 1, 1]))
    assert figures.pictures == 4
    assert figures.accuracy == pytest.approx(2 / 4)
    assert figures.accuracy_interval == pytest.approx((0.1500, 0.8500), abs=1e-4)
    assert figures.keras_accuracy == pytest.approx(3 / 4)
    assert figures.agreement == pytest.approx(3 / 4)
    assert figures.largest_difference == pytest.approx(0.2)
    assert figures.mean_difference == pytest.approx((0.1 * 2 + 0.2 * 2) / 8)
    # One picture only Keras has right: of one disagreement every outcome is as uneven.
    assert figures.mcnemar_p == 1.0
    # At 0.9 one is right, at 0.8 one; at 0.6 two are wrong, in a bin each way of rounding.
    assert figures.ece == pytest.approx((0.1 + 0.2 + 2 * 0.6) / 4, abs=1e-6)
    # At 0.8 both are right; at 0.6 one of two.
    assert figures.keras_ece == pytest.approx((2 * 0.2 + 2 * 0.1) / 4, abs=1e-6)


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
