"""What a report says is to be done next, by what the run shows."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.model.learning_curve import ClassNeed, CurvePoint, LearningCurve
from edgetl.trainer.metrics import SplitMetrics, summary
from edgetl.trainer.report.labels import DoubtfulPhotos
from edgetl.trainer.report.next_steps import NextStep, next_steps
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import RunMetrics
from tests.trainer.made_report import CONFIG, made_dataset, made_history, made_metrics

LABELS = ("cats", "dogs", "hens")
MANY = dict.fromkeys(LABELS, 500)
RUN = RunFolder(Path("runs/my run"))


def split(right: Mapping[str, int], pictures: int, *, given: str = "hens") -> SplitMetrics:
    """So many photos of each class, of which the others are given the class `given`."""
    targets = np.repeat(np.arange(len(LABELS)), pictures)
    predicted = targets.copy()
    for place, label in enumerate(LABELS):
        some = np.flatnonzero(targets == place)[right.get(label, pictures) :]
        predicted[some] = LABELS.index(given)
    probabilities = np.eye(len(LABELS), dtype=np.float32)[predicted]
    clusters = [str(number) for number in range(len(targets))]
    found = summary(probabilities, targets, LABELS, clusters=clusters)
    assert found
    return found


def run_with(
    test: SplitMetrics | None = None, validation: SplitMetrics | None = None
) -> RunMetrics:
    made = made_metrics(made_dataset(LABELS), made_history())
    splits = {"train": None, "validation": validation, "test": test}
    return replace(made, splits=splits)


def test_more_photos_are_a_step_where_they_bring_something_and_go_on_from_the_run() -> None:
    points = tuple(CurvePoint(photos, 2 * photos**-0.5, 300) for photos in (50, 100, 150, 200))
    needs = {"cats": ClassNeed(70, 0.9, 210), "dogs": ClassNeed(70, 0.97, 0),
             "hens": ClassNeed(60, 0.8, 900)}  # fmt: skip
    curve = LearningCurve(points, 0.5, 0.1, 0.95, needs)
    found = steps(replace(run_with(split({}, 300)), learning_curve=curve))
    (step,) = (one for name, one in found.items() if name.startswith("Add photos: twice as many"))
    assert step.what.endswith("about 2.9 points")
    assert "14.1% with 200" in step.why or "14.1 % with 200" in step.why
    assert "about 210 of “cats” and 900 of “hens” more" in step.why
    assert step.commands == ("edgetl train --from 'runs/my run'",)
    for worthless in (replace(curve, exponent=None), replace(curve, error=0.005), None):
        found = steps(replace(run_with(split({}, 300)), learning_curve=worthless))
        assert not [name for name in found if "twice" in name]


def steps(
    metrics: RunMetrics,
    pictures: Mapping[str, int] = MANY,
    doubtful: DoubtfulPhotos | None = None,
) -> dict[str, NextStep]:
    found = next_steps(RUN, CONFIG, metrics, pictures, doubtful)
    return {step.what: step for step in found}


def test_a_good_run_is_exported_and_used() -> None:
    found = steps(run_with(split({"cats": 990}, 1000)))
    assert [step.commands for step in found.values()] == [
        ("edgetl export 'runs/my run' --quantize int8",),
        (
            "edgetl classify --model 'runs/my run/exports/model.int8.tflite' PHOTOS",
            "edgetl classify --model 'runs/my run/exports/model.int8.tflite' --camera 0",
        ),
    ]


def test_doubtful_labels_are_looked_at() -> None:
    good = run_with(split({}, 1000))
    found = steps(good, doubtful=DoubtfulPhotos(1500, 7, (), "edgetl inspect --apply x"))
    assert found["Look at 7 doubtful labels"].commands == ("edgetl inspect --apply x",)
    assert "Of 1,500 training photos" in found["Look at 7 doubtful labels"].why
    assert len(steps(good, doubtful=DoubtfulPhotos(1500, 0, (), "x"))) == 2


def test_a_class_that_is_found_less_often_than_chance_explains_is_named() -> None:
    found = steps(run_with(split({"cats": 80, "dogs": 99}, 100)))
    step = found["Add photos of “cats”, above all such as look like “hens”"]
    assert step.commands == ("edgetl train --from 'runs/my run'",)
    assert "Of 100 photos of “cats” it recognizes 80.0%" in step.why
    assert "20 are taken for “hens”" in step.why
    assert "/photos/mine" in step.why


def test_the_worst_of_many_classes_is_not_named_for_being_that() -> None:
    # Each photo is right with a chance of 0.6: of 40 classes of 4 one has none.
    labels = [f"class {number}" for number in range(40)]
    targets = np.repeat(np.arange(40), 4)
    right = np.random.default_rng(3).random(160) < 0.6
    right[:4] = False
    right[4:8] = True
    predicted = np.where(right, targets, (targets + 1) % 40)
    probabilities = np.eye(40, dtype=np.float32)[predicted]
    found = summary(probabilities, targets, labels, clusters=[str(n) for n in range(160)])
    shown = steps(run_with(found), dict.fromkeys(labels, 500))
    assert not [what for what in shown if "above all" in what]


@pytest.mark.parametrize("right", [{"cats": 9}, {"cats": 9, "dogs": 9, "hens": 8}, {}])
def test_a_class_that_chance_may_explain_is_not_named(right: dict[str, int]) -> None:
    assert not [what for what in steps(run_with(split(right, 10))) if "above all" in what]


def test_a_class_with_few_photos_is_named() -> None:
    good = run_with(split({}, 1000))
    found = steps(good, {"cats": 300, "dogs": 40, "hens": 90})
    assert "It has 40 training photos" in found["Add photos of “dogs”"].why
    assert not [what for what in steps(good, {"cats": 90, "dogs": 60, "hens": 80}) if "Add" in what]
    few = steps(good, dict.fromkeys(LABELS, 20))
    assert "The largest class has 20 training photos" in few["Add photos of every class"].why


def test_a_wide_interval_or_no_test_split_asks_for_new_photos() -> None:
    what = "Measure it on new photos"
    wide = steps(run_with(split({"cats": 6, "dogs": 7, "hens": 7}, 10, given="cats")))[what]
    assert "percentage points wide, as it is of 30 photos" in wide.why
    assert "No photo was kept" not in wide.why
    assert wide.commands == ("edgetl benchmark 'runs/my run' --data NEW_PHOTOS",)
    validated = steps(run_with(validation=split({}, 1000)))[what]
    assert "No photo was kept from all decisions" in validated.why
    assert "wide" not in validated.why
    assert what not in steps(run_with(split({}, 1000)))
