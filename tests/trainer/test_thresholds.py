"""The record of held-out photos, compared with its definition, and what comes of its promises."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.thresholds import ClassThreshold, PrecisionRecord, precision_record
from edgetl.edge.system.json_record import from_json
from edgetl.trainer import thresholds
from edgetl.trainer.metrics import Classes, Probabilities
from edgetl.trainer.report.coverage import coverage_figure

LABELS = ("a", "b", "c", "d")
PRECISIONS = (0.5, 0.6, 2 / 3, 0.75, 0.9, 0.95, 0.99, 0.999)


def draws(
    random: np.random.Generator, pictures: int, *, spread: float = 6.0, classes: int = 4
) -> tuple[Probabilities, Classes]:
    """A calibrated classifier: the true class is drawn with the probabilities it gives."""
    powers = np.exp(random.normal(size=(pictures, classes)) * spread)
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    drawn = probabilities.cumsum(axis=1) < random.random((pictures, 1))
    return probabilities.astype(np.float32), drawn.sum(axis=1).clip(0, classes - 1)


def by_definition(
    probabilities: Probabilities, targets: Classes, index: int, precision: float
) -> ClassThreshold:
    """Every probability that occurs is tried as a threshold, from the lowest on."""
    given = probabilities.argmax(axis=1) == index
    confidence = np.floor(probabilities.max(axis=1).astype(np.float64) * 1e6) / 1e6
    right = targets == index
    tried = []
    for threshold in np.unique(confidence[given]):
        passing = given & (confidence >= threshold)
        answered, correct = int(passing.sum()), int((passing & right).sum())
        excluded = int(answered < given.sum() or correct == answered)
        counts = correct, answered, excluded
        tried.append(ClassThreshold(float(threshold), *counts))
    for one in tried:
        if one.right / (one.answered + one.excluded) >= precision:
            return one
    for one in tried:
        if one.right / one.answered >= precision:
            return one
    return ClassThreshold(math.inf)


@pytest.mark.parametrize("seed", range(60))
def test_a_record_gives_what_the_definition_gives(seed: int) -> None:
    random = np.random.default_rng(seed)
    pictures = int(random.integers(1, 120))
    probabilities, targets = draws(random, pictures, spread=float(random.uniform(0.5, 8)))
    if seed % 3 == 0:
        # Many of the same probability.
        probabilities = (np.round(probabilities * 8) / 8).astype(np.float32)
    record = thresholds.precision_record(probabilities, targets, LABELS)
    assert record.pictures == pictures
    for precision in PRECISIONS:
        for index, (label, found) in enumerate(record.at(precision).classes):
            expected = by_definition(probabilities, targets, index, precision)
            assert label == LABELS[index]
            if expected.threshold < math.inf:
                assert found == expected, (precision, label)
            else:
                assert found.threshold == math.inf
                assert found.right / max(found.answered, 1) < precision


def test_a_class_that_cannot_reach_it_has_its_best_precision() -> None:
    confidence = np.array([0.9, 0.8, 0.7, 0.6])
    probabilities = np.stack([confidence, 1 - confidence], axis=1).astype(np.float32)
    record = thresholds.precision_record(probabilities, np.array([1, 0, 0, 1]), ("a", "b"))
    (_, a), (_, b) = record.at(0.9).classes
    # Of the three best two are right.
    assert a == ClassThreshold(math.inf, 2, 3, excluded=1)
    assert b == ClassThreshold(math.inf)


def test_a_thinned_record_never_has_a_lower_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    probabilities, targets = draws(np.random.default_rng(3), 6000)
    whole = thresholds.precision_record(probabilities, targets, LABELS)
    points = [len(one.thresholds) for one in whole.classes.values()]
    assert max(points) <= 200
    monkeypatch.setattr(thresholds, "MOST_POINTS", 5)
    thin = thresholds.precision_record(probabilities, targets, LABELS)
    assert all(len(one.thresholds) <= 5 for one in thin.classes.values())
    for precision in PRECISIONS:
        pairs = zip(whole.at(precision).classes, thin.at(precision).classes, strict=True)
        for (_, exact), (_, found) in pairs:
            assert found.threshold >= exact.threshold
            assert found.right / found.answered >= min(precision, exact.right / exact.answered)


def test_a_record_grows_with_the_pictures_and_stays_small() -> None:
    probabilities, targets = draws(np.random.default_rng(0), 4000, spread=3, classes=1000)
    labels = [f"class {n}" for n in range(1000)]
    record = thresholds.precision_record(probabilities, targets, labels)
    text = json.dumps(asdict(record), indent=1)
    assert len(text) < 400_000
    assert from_json(PrecisionRecord, json.loads(text)) == record


NEW = draws(np.random.default_rng(99), 100_000)


def on_new(record: PrecisionRecord, precision: float) -> tuple[float, float]:
    """The share of new photos that get an answer, and of these that is right."""
    probabilities, targets = NEW
    limits = np.array([one.threshold for _, one in record.at(precision).classes])
    given = probabilities.argmax(axis=1)
    answered = probabilities.max(axis=1) >= limits[given]
    return float(answered.mean()), float((given == targets)[answered].mean())


def held_out(record: PrecisionRecord, precision: float) -> tuple[int, int, int]:
    """How many held-out photos are answered, right, and answered or left out for being wrong."""
    reached = [one for _, one in record.at(precision).reached]
    answered = sum(one.answered for one in reached)
    return answered, sum(one.right for one in reached), answered + sum(o.excluded for o in reached)


@pytest.mark.parametrize("precision", [0.95, 0.99])
def test_new_photos_are_right_as_often_as_promised(precision: float) -> None:
    """Over 40 draws of 1000 held-out photos.

    With thresholds from which on that share of the held-out ones is right it is 0.9876 for 0.99.
    """
    new, said = [], []
    for seed in range(40):
        record = thresholds.precision_record(*draws(np.random.default_rng(seed), 1000), LABELS)
        new.append(on_new(record, precision))
        said.append(held_out(record, precision)[0] / record.pictures)
    answered, right = np.mean(new, axis=0)
    assert precision - 0.001 <= right <= precision + 0.008
    assert answered == pytest.approx(np.mean(said), abs=0.01)


def test_of_few_photos_less_is_expected_and_no_less_comes() -> None:
    """Of 120 held-out photos all that are answered are right, of new ones 0.9665."""
    new, expected, shares = [], [], []
    for seed in range(100):
        record = thresholds.precision_record(*draws(np.random.default_rng(seed), 120), LABELS)
        answered, right, bearing = held_out(record, 0.99)
        new.append(on_new(record, 0.99)[1])
        expected.append(right / bearing)
        shares.append(right / answered)
    assert np.mean(shares) > 0.999
    assert np.mean(expected) <= np.mean(new) < 0.975
    assert np.mean(expected) == pytest.approx(np.mean(new), abs=0.02)


def test_a_run_and_its_files_have_the_record(two_class_run: Path) -> None:
    metrics = json.loads((two_class_run / "metrics.json").read_text())
    record = metrics["precision"]
    assert record["pictures"] == metrics["splits"]["validation"]["pictures"]
    assert list(record["classes"]) == ["blue", "red"]
    given = sum(one["pictures"] for one in record["classes"].values())
    assert given == record["pictures"]
    for name in ("float32", "int8"):
        model = read_model_file(two_class_run / "exports" / f"model.{name}.tflite")
        assert precision_record(model) == from_json(PrecisionRecord, record)
    report = (two_class_run / "report.html").read_text(encoding="utf-8")
    assert "Coverage-accuracy curve" in report
    assert f"of {record['pictures']} held-out photos get an answer" in report


def test_the_curve_falls_to_the_accuracy_of_all_photos() -> None:
    confidence = np.array([0.995, 0.95, 0.9, 0.7, 0.6])
    probabilities = np.stack([confidence, 1 - confidence], axis=1).astype(np.float32)
    (axes,) = coverage_figure(probabilities, np.array([0, 0, 1, 0, 1])).axes
    (line,) = axes.get_lines()
    assert np.allclose(line.get_xdata(), [0.2, 0.4, 0.6, 0.8, 1])
    assert np.allclose(line.get_ydata(), [1, 1, 2 / 3, 3 / 4, 3 / 5])
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "0.5: 100% answered, 60.0% right",
        "0.9: 40% answered, 100.0% right",
        "0.99: 20% answered, 100.0% right",
    ]


@pytest.mark.parametrize("right", [[0] * 3 + [1] + [0] * 8, [1] * 8 + [0, 1, 0, 1]])
def test_the_legend_leaves_the_curve_free(right: list[int]) -> None:
    confidence = np.linspace(0.99, 0.55, 12)
    probabilities = np.stack([confidence, 1 - confidence], axis=1).astype(np.float32)
    figure = coverage_figure(probabilities, 1 - np.array(right))
    figure.canvas.draw()
    (axes,) = figure.axes
    (line,) = axes.get_lines()
    points = np.stack([np.asarray(line.get_xdata()), np.asarray(line.get_ydata())], axis=1)
    legend = axes.get_legend()
    assert legend is not None
    box = legend.get_window_extent()
    assert not any(box.contains(x, y) for x, y in axes.transData.transform(points))


@pytest.mark.parametrize(("confidence", "right"), [(0.5, False), (0.4, True), (1.0, True)])
def test_the_curve_of_one_photo_is_drawn(confidence: float, right: bool) -> None:
    rest = (1 - confidence) / 2
    probabilities = np.array([[confidence, rest, rest]], np.float32)
    figure = coverage_figure(probabilities, np.array([0 if right else 1]))
    figure.canvas.draw()
