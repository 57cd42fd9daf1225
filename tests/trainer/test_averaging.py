import numpy as np
import pytest

from edgetl.trainer.calibration import with_temperature
from edgetl.trainer.fitting.averaging import SHARES, Choice, average, choose


def test_an_average_lies_between_both_and_its_ends_are_them() -> None:
    random = np.random.default_rng(0)
    shapes = [(3, 4), (4,), ()]
    solved, tuned = ([random.normal(size=s).astype(np.float32) for s in shapes] for _ in range(2))
    before = [array.copy() for array in (*solved, *tuned)]
    for share in SHARES:
        found = average(solved, tuned, share)
        for mine, a, b in zip(found, solved, tuned, strict=True):
            assert mine.dtype == np.float32
            assert mine.shape == a.shape
            np.testing.assert_allclose(mine, (1 - share) * a + share * b, rtol=1e-5, atol=1e-6)
    for array, old in zip((*solved, *tuned), before, strict=True):
        np.testing.assert_array_equal(array, old)


def test_what_is_no_number_between_is_not_averaged() -> None:
    """Seeds of random layers are integers."""
    solved, tuned = [np.array([0, 7], np.uint32)], [np.array([0, 9], np.uint32)]
    (found,) = average(solved, tuned, 0.5)
    assert found.dtype == np.uint32
    assert found.tolist() == [0, 9]


def test_weights_of_half_precision_stay_so() -> None:
    half = [np.array([1, 3], np.float16)]
    assert average(half, [np.array([2, 5], np.float16)], 0.5)[0].dtype == np.float16


def probabilities_of(right: list[float]) -> np.ndarray:
    return np.array([[p, 1 - p] for p in right], np.float32)


def test_the_share_with_the_lowest_loss_is_chosen() -> None:
    targets = np.zeros(3, np.int64)
    found = {
        0.0: probabilities_of([0.6, 0.7, 0.6]),
        0.5: probabilities_of([0.9, 0.8, 0.9]),
        1.0: probabilities_of([0.99, 0.99, 0.01]),
    }
    assert choose(found, targets, calibrate=False) == Choice(0.5, 1.0)


def test_the_loss_is_that_at_each_ones_temperature() -> None:
    """One that is only too sure of itself is better than one that errs more."""
    random = np.random.default_rng(0)
    targets = np.zeros(2000, np.int64)
    honest = np.where(random.random(2000) < 0.9, 0.9, 0.1)
    sure = with_temperature(probabilities_of(honest.tolist()), 0.35)
    weak = probabilities_of(np.where(random.random(2000) < 0.8, 0.8, 0.2).tolist())
    found = {0.5: weak, 1.0: sure}
    assert choose(found, targets, calibrate=False).share == 0.5
    chosen = choose(found, targets, calibrate=True)
    assert chosen.share == 1.0
    assert chosen.temperature == pytest.approx(1 / 0.35, rel=0.1)


def test_where_all_are_alike_the_first_is_chosen() -> None:
    alike = probabilities_of([0.9, 0.8])
    found = dict.fromkeys(SHARES, alike)
    assert choose(found, np.zeros(2, np.int64), calibrate=True).share == SHARES[0]
