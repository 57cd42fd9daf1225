"""How far probabilities can be trusted, and the temperature that makes them right."""

import numpy as np
import pytest
from scipy.stats import binom

from edgetl.trainer.calibration import (
    calibration,
    ece_by_chance,
    fit_temperature,
    with_temperature,
)
from edgetl.trainer.metrics import Bin, Calibration, log_loss
from edgetl.trainer.report.reliability import reliability_figure


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def drawn(count: int, *, temperature: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of logits that are `temperature` times what the classes were drawn by."""
    random = np.random.default_rng(seed)
    logits = random.normal(scale=2.0, size=(count, 4))
    exact = softmax(logits)
    targets = (random.random((count, 1)) > exact.cumsum(axis=1)[:, :-1]).sum(axis=1)
    return softmax(logits * temperature), targets


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7, 3.0])
def test_the_temperature_of_many_predictions_is_found(temperature: float) -> None:
    probabilities, targets = drawn(4000, temperature=temperature)
    found = fit_temperature(probabilities, targets)
    assert found == pytest.approx(temperature, rel=0.06)
    before = calibration(probabilities, targets)
    after = calibration(with_temperature(probabilities, found), targets)
    assert after.loss <= before.loss
    assert after.ece < 0.03
    if temperature != 1:
        assert after.ece < before.ece / 2
        assert after.brier < before.brier


@pytest.mark.parametrize(
    ("confidence", "count", "least"),
    [
        (0.6, 1, 0.9),
        (0.6, 4, 0.9),
        (0.9, 4, 0.9),
        (0.9, 20, 0.7),
        (0.99, 75, 0.8),
        (0.999, 75, 0.9),
    ],
)
def test_few_that_are_all_right_do_not_ask_for_certainty(
    confidence: float, count: int, least: float
) -> None:
    """Cross-entropy alone would take the lowest temperature there is."""
    probabilities = np.tile(np.array([[confidence, 1 - confidence]], np.float32), (count, 1))
    found = fit_temperature(probabilities, np.zeros(count, np.int64))
    assert least < found <= 1.01


def test_one_mistake_among_few_asks_for_little() -> None:
    probabilities = np.tile(np.array([[0.999, 0.001]], np.float32), (10, 1))
    found = fit_temperature(probabilities, np.array([1] + [0] * 9))
    assert 1 < found < 3


@pytest.mark.parametrize("temperature", [0.25, 0.9, 1.0, 4.0])
def test_a_temperature_never_changes_what_is_most_probable(temperature: float) -> None:
    random = np.random.default_rng(0)
    for scale in (0.01, 1.0, 30.0):
        probabilities = softmax(random.normal(scale=scale, size=(500, 6)))
        scaled = with_temperature(probabilities, temperature)
        np.testing.assert_array_equal(scaled.argmax(axis=1), probabilities.argmax(axis=1))
        np.testing.assert_allclose(scaled.sum(axis=1), 1, rtol=1e-5)
        assert np.isfinite(scaled).all()
    again = with_temperature(with_temperature(probabilities, temperature), 1 / temperature)
    if temperature >= 1:
        np.testing.assert_allclose(again, probabilities, atol=1e-4)


def test_a_probability_of_zero_or_one_is_no_infinity() -> None:
    certain = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], np.float32)
    for targets in (np.array([0, 1]), np.array([1, 0])):
        temperature = fit_temperature(certain, targets)
        assert np.isfinite(temperature)
        scaled = with_temperature(certain, temperature)
        assert np.isfinite(scaled).all()
        assert np.isfinite(log_loss(scaled, targets))


def test_logits_divided_by_it_give_the_same_probabilities() -> None:
    logits = np.random.default_rng(0).normal(scale=3, size=(100, 3))
    np.testing.assert_allclose(
        with_temperature(softmax(logits), 1.7), softmax(logits / 1.7), atol=1e-6
    )


def test_the_figures_are_those_that_a_hand_computes() -> None:
    probabilities = np.array(
        [[0.9, 0.1], [0.95, 0.05], [0.3, 0.7], [0.25, 0.75], [0.5, 0.5]], np.float32
    )
    targets = np.array([0, 1, 1, 0, 0])
    found = calibration(probabilities, targets)
    # Of 15 bins: 0.5 in [7/15, 8/15), 0.7 in [10/15, 11/15), 0.75 in [11/15, 12/15), 0.9 in
    # [13/15, 14/15), 0.95 in the last.
    assert [(one.pictures, one.accuracy) for one in found.bins] == [
        (1, 1.0),
        (1, 1.0),
        (1, 0.0),
        (1, 1.0),
        (1, 0.0),
    ]
    assert [one.confidence for one in found.bins] == pytest.approx([0.5, 0.7, 0.75, 0.9, 0.95])
    assert found.ece == pytest.approx((0.5 + 0.3 + 0.75 + 0.1 + 0.95) / 5)
    # Of each picture twice the square of what the true class lacks: there are two classes.
    assert found.brier == pytest.approx(2 * (0.01 + 0.9025 + 0.09 + 0.5625 + 0.25) / 5)
    expected = -np.log([0.9, 0.05, 0.7, 0.25, 0.5]).mean()
    assert found.loss == pytest.approx(expected, rel=1e-6)


def test_pictures_of_one_bin_are_averaged_and_certainty_is_in_the_last() -> None:
    probabilities = np.array([[0.96, 0.04], [1.0, 0.0], [0.94, 0.06]], np.float32)
    found = calibration(probabilities, np.array([0, 0, 1]))
    last = found.bins[-1]
    assert last == Bin(3, pytest.approx((0.96 + 1 + 0.94) / 3), pytest.approx(2 / 3))
    assert found.ece == pytest.approx((0.96 + 1 + 0.94) / 3 - 2 / 3)
    right = calibration(np.eye(3, dtype=np.float32), np.arange(3))
    assert (right.ece, right.brier) == (0, 0)
    wrong = calibration(np.eye(3, dtype=np.float32), np.array([1, 2, 0]))
    assert (wrong.ece, wrong.brier) == (1, 2)


def test_the_error_by_chance_is_what_drawn_classes_have() -> None:
    random = np.random.default_rng(3)
    probabilities = softmax(random.normal(scale=2.0, size=(200, 4)))
    limits = probabilities.cumsum(axis=1)[:, :-1]
    errors = [
        calibration(probabilities, (random.random((200, 1)) > limits).sum(axis=1)).ece
        for _ in range(300)
    ]
    expected = ece_by_chance(calibration(probabilities, np.zeros(200, int)))
    assert expected == pytest.approx(np.mean(errors), rel=0.04)
    # A hundred times as many photos have a tenth of it; certain ones have none.
    many = calibration(np.tile(probabilities, (100, 1)), np.zeros(20_000, int))
    assert ece_by_chance(many) == pytest.approx(expected / 10, rel=0.1)
    assert ece_by_chance(calibration(np.eye(3, dtype=np.float32), np.arange(3))) == 0


@pytest.mark.parametrize(("count", "share"), [(1, 0.9), (2, 0.5), (7, 0.6), (400, 0.97)])
def test_the_deviation_by_chance_is_that_of_a_binomial_distribution(
    count: int, share: float
) -> None:
    found = Calibration(0.0, 0.0, 0.0, (Bin(count, share, 1.0),))
    right = np.arange(count + 1)
    expected = (np.abs(right - count * share) * binom.pmf(right, count, share)).sum() / count
    assert ece_by_chance(found) == pytest.approx(expected, rel=1e-9)


def test_brier_of_several_classes_is_the_sum_over_them() -> None:
    probabilities, targets = drawn(50, temperature=1.0)
    expected = np.mean(
        [
            sum((p - (c == target)) ** 2 for c, p in enumerate(row.tolist()))
            for row, target in zip(probabilities, targets, strict=True)
        ]
    )
    assert calibration(probabilities, targets).brier == pytest.approx(expected, rel=1e-5)


def test_the_reliability_diagram_has_a_dot_for_each_bin() -> None:
    after = Calibration(0.05, 0.1, 0.2, (Bin(30, 0.6, 0.5), Bin(70, 0.95, 0.9)))
    before = Calibration(0.1, 0.1, 0.3, (Bin(100, 0.99, 0.8),))
    (axes,) = reliability_figure(after, before).axes
    dots = [np.asarray(dots.get_offsets()).tolist() for dots in axes.collections]
    assert dots == [[[0.99, 0.8]], [[0.6, 0.5], [0.95, 0.9]]]
    # As large as the number of pictures.
    small, large = np.asarray(axes.collections[1].get_sizes())
    assert small < large
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "before the temperature: ECE 0.100",
        "after it: ECE 0.050",
    ]
