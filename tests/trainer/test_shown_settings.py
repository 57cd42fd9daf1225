"""The settings in report.html: what was asked, and what training made of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgetl.trainer.metrics import CrossValidation
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report.shown_settings import shown_settings
from edgetl.trainer.resolved_settings import resolved_settings
from edgetl.trainer.run.records import RunConfig, RunMetrics, UnknownMetrics
from tests.trainer.made_report import (
    CONFIG,
    made_dataset,
    made_history,
    made_metrics,
    written_report,
)

DATASET = made_dataset(["cats", "dogs", "hens"])
METRICS = made_metrics(DATASET, made_history())
FOLDS = CrossValidation(2, 60, (0.9, 0.8), 0.85, 0.05, 0.4)
AUTO = replace(
    CONFIG,
    recipe=Recipe(epochs=12),
    asked={"image_size": "auto", "epochs": "auto"},
    computed_in={"policy": "float32", "phase_two": "bfloat16"},
)


def shown(config: RunConfig, metrics: RunMetrics = METRICS) -> dict[str, str]:
    """Each setting as a line of the page has it."""
    found = shown_settings(config, resolved_settings(config, metrics, DATASET))
    return {
        one.name: one.value + (f": {one.resolved}" if one.resolved is not None else "")
        for one in found
    }


def test_what_was_left_to_training_is_shown_with_what_it_became() -> None:
    metrics = replace(
        METRICS,
        fine_tuned=0.75,
        temperature=1.5,
        unknown=UnknownMetrics(60, 59),
        cross_validation=FOLDS,
    )
    found = shown(AUTO, metrics)
    for name, value in {
        "image-size": "auto: 224",
        "epochs": "auto: 12",
        # 90 training photos, 16 a step, in no less than 10 steps an epoch; one epoch is the head.
        "steps": "auto: 110",
        "precision": "auto: bfloat16 in phase two",
        "class-weights": "auto: all 1",
        "hold-out": "off: all photos are learned from",
        "folds": "5: 2 held out",
        "average": "on: 75% of phase two",
        "calibrate": "on: temperature 1.50",
        "unknown": "on: by 60 held-out photos",
        "patience": "0: never",
        "head-views": "auto: not for a solved head",
        "head-epochs": "8: not for a solved head",
        "batch-size": "16",
        "weights": "bundled",
    }.items():
        assert found[name] == value
    assert "height" not in found


def test_what_was_given_is_shown_alone() -> None:
    recipe = replace(CONFIG.recipe, steps=70, patience=3, class_weights="none", unknown="off",
                     head_views=2, precision="float32")  # fmt: skip
    found = shown(replace(CONFIG, recipe=recipe))
    for name, value in {
        "image-size": "96x160",
        "epochs": "3",
        "steps": "70",
        "patience": "3",
        "class-weights": "none",
        "unknown": "off",
        "head-views": "2",
        "head-epochs": "2",
        "head-lr": "0.001",
        "average": "off",
        "precision": "float32",
    }.items():
        assert found[name] == value


@pytest.mark.parametrize(
    ("computed_in", "value"),
    [
        ({"policy": "mixed_float16", "phase_two": None}, "auto: mixed float16"),
        ({"policy": "float32", "phase_two": None}, "auto: float32"),
        ({}, "auto"),  # a run of an older edgetl
    ],
)
def test_the_precision_that_a_machine_computed_in(
    computed_in: dict[str, str | None], value: str
) -> None:
    assert shown(replace(AUTO, computed_in=computed_in))["precision"] == value


def test_a_data_set_with_its_own_validation_and_classes_that_differ() -> None:
    examples = tuple(e for n, e in enumerate(DATASET.examples) if n % 3 or e.label != "cats")
    config, dataset = replace(AUTO, asked={}), replace(DATASET, examples=examples)
    found = resolved_settings(config, METRICS, dataset)
    assert found["hold_out"] == "60 photos validate"
    assert found["folds"] == "not for the figures"
    low, high = found["class_weights"].split(" to ")
    assert float(low) < 1 < float(high)
    assert found["unknown"] == "a class has too few photos"
    assert "epochs" not in found
    assert shown(config)["epochs"] == "12"


def test_settings_are_last_and_folded(tmp_path: Path) -> None:
    page = written_report(tmp_path, config=AUTO, resolved={"precision": "bfloat16"})
    assert page.all("section")[-1]["id"] == "settings"
    assert "precisionauto: bfloat16Numbers to compute in." in page.sections["settings"]
    folded = page.markup.rpartition("<details>")[2]
    assert "Every setting, and what it became" in folded
    assert folded.count("<dt>") == len(shown(AUTO))
