"""How the error falls as photos are added, and how many more a class wants."""

from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.model.learning_curve import CurvePoint
from edgetl.trainer.data.memory_mapped import write_rows
from edgetl.trainer.fitting.folds import Folds
from edgetl.trainer.fitting.learning_curve import exponent_of, learning_curve, measure_curve
from edgetl.trainer.fitting.rows import PhaseInputs, Rows
from edgetl.trainer.metrics import ClassMetrics


def inputs_of(folder: Path, *, classes: int, pictures: int, noise: float) -> PhaseInputs:
    """Features around a centre for each class."""
    random = np.random.default_rng(0)
    targets = np.arange(pictures) % classes
    centres = random.normal(size=(classes, 32))
    features = centres[targets] + random.normal(scale=noise, size=(pictures, 32))
    file = write_rows(folder / "features.npy", pictures, iter([features]), np.float32)
    rows = Rows(file, np.arange(pictures), targets)
    return PhaseInputs([rows], rows, rows.of(np.zeros(pictures, np.bool_)))


def folds_of(units: list[str], fold: np.ndarray) -> Folds:
    return Folds(fold, np.array(units), fold)


def curve_of(points: list[tuple[int, float]], of: int = 400) -> list[CurvePoint]:
    return [CurvePoint(photos, error, of) for photos, error in points]


def test_heads_err_less_the_more_photos_they_learn_from(tmp_path: Path) -> None:
    inputs = inputs_of(tmp_path, classes=4, pictures=240, noise=2.0)
    folds = folds_of([str(n) for n in range(240)], np.arange(240) // 4 % 5)
    points = measure_curve(inputs, folds, [1.0] * 4, 1e-2, seed=0)
    # A merged fold of three leaves two thirds or four fifths of the photos.
    assert [point.photos for point in points] == [40, 80, 120, 160]
    assert points[0].error > points[-1].error
    exponent = exponent_of(points)
    assert exponent is not None
    assert 0.05 < exponent <= 0.5
    assert measure_curve(inputs, folds, [1.0] * 4, 1e-2, seed=0) == points


def test_photos_of_one_burst_tell_no_more_than_it(tmp_path: Path) -> None:
    """Of a class that is one burst and of one fold nothing can be measured."""
    inputs = inputs_of(tmp_path, classes=2, pictures=12, noise=0.1)
    assert measure_curve(inputs, folds_of(["a"] * 12, np.zeros(12, np.int64)), [1.0] * 2, 1e-2,
                         seed=0) == []  # fmt: skip


def test_the_exponent_is_that_of_the_power_law() -> None:
    exact = curve_of([(n, 2 * n**-0.5) for n in (50, 100, 150, 200)])
    assert exponent_of(exact) == pytest.approx(0.5, abs=1e-6)
    steep = curve_of([(n, 20 / n) for n in (50, 100, 150, 200)])
    assert exponent_of(steep) == 0.5
    flat = curve_of([(n, 0.2) for n in (50, 100, 150, 200)])
    assert exponent_of(flat) is None
    # Two mistakes and one say nothing.
    assert exponent_of(curve_of([(50, 0.02), (100, 0.01), (150, 0.01), (200, 0.01)], 100)) is None
    assert exponent_of([]) is None


def test_a_class_wants_as_many_as_the_law_says_and_never_a_wild_number() -> None:
    exact = curve_of([(n, 2 * n**-0.5) for n in (50, 100, 150, 200)])
    figures = {
        "good": ClassMetrics(40, 1.0, 0.975),
        "fair": ClassMetrics(40, 1.0, 0.9),
        "bad": ClassMetrics(40, 1.0, 0.5),
        "never held out": ClassMetrics(0, None, None),
    }
    curve = learning_curve(exact, dict.fromkeys(figures, 40), figures, 0.2)
    assert curve is not None
    # Half of the mistakes with four times as many photos.
    assert {label: need.more for label, need in curve.classes.items()} == {
        "good": 0, "fair": 120, "bad": None,
    }  # fmt: skip
    assert curve.gain_of_twice == pytest.approx(0.2 * (1 - 2**-0.5))
    untold = learning_curve(curve_of([(n, 0.2) for n in (50, 100, 150, 200)]),
                            {"fair": 40}, {"fair": figures["fair"]}, 0.2)  # fmt: skip
    assert untold is not None
    assert (untold.exponent, untold.gain_of_twice, untold.classes["fair"].more) == (None, 0.0, None)
    assert learning_curve([], {}, {}, 0.2) is None
