"""Why pictures were taken for another class: the evidence in them, and what they look like."""

import numpy as np
import pytest

from edgetl.trainer.fitting.explaining import (
    ENOUGH_TRAINING,
    NEAREST,
    TrainingFeatures,
    balanced,
    explain,
)
from edgetl.trainer.network.model import (
    build_model,
    feature_maps_model,
    features_model,
    head_probabilities,
    outputs_of,
)
from edgetl.trainer.recipe import Recipe


@pytest.mark.parametrize("classes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_the_mean_of_the_evidence_is_by_how_much_the_logits_differ(classes: int) -> None:
    recipe = Recipe(height=64, width=96, alpha=0.35, weights="none")
    model = build_model(recipe, classes)
    random = np.random.default_rng(0)
    model.get_layer("head").bias.assign(random.normal(size=model.output_shape[-1]))
    pixels = random.integers(0, 256, (70, 64, 96, 3), np.uint8)
    rows = np.arange(70)[::-1]
    features = outputs_of(features_model(model), np.uint8)(pixels, None)
    probabilities = head_probabilities(model, features)[rows]
    predicted = probabilities.argmax(axis=1)
    # Every third is right, and there is nothing to explain.
    targets = np.where(rows % 3 == 0, predicted, (predicted + 1) % classes)
    known = random.normal(size=(50, features.shape[1])).astype(np.float32)
    training = TrainingFeatures(np.arange(100, 150), np.zeros(50, np.int64), known)

    maps = outputs_of(feature_maps_model(model), np.uint8)
    found = explain(model, maps, pixels, rows, predicted, targets, training)

    assert found.evidence.shape == (70, 2, 3)
    right = predicted == targets
    assert not found.evidence[right].any()
    assert (found.nearest[right] == -1).all()
    bias = np.zeros(classes) + model.get_layer("head").bias.numpy()
    if classes == 2:
        bias = np.array([-0.5, 0.5]) * bias
    logits = np.log(probabilities.astype(np.float64))
    at = np.arange(70)
    differ = (logits - bias)[at, predicted] - (logits - bias)[at, targets]
    np.testing.assert_allclose(
        found.evidence.mean(axis=(1, 2))[~right], differ[~right], rtol=1e-3, atol=1e-5
    )
    cosines = features[rows] @ (known / np.linalg.norm(known, axis=1, keepdims=True)).T
    most_alike = 100 + np.argsort(-cosines, axis=1)[:, :NEAREST]
    assert found.nearest[~right].tolist() == most_alike[~right].tolist()


def test_fewer_training_pictures_than_are_looked_for() -> None:
    model = build_model(Recipe(height=32, width=32, alpha=0.35, weights="none"), 2)
    pixels = np.zeros((1, 32, 32, 3), np.uint8)
    maps = outputs_of(feature_maps_model(model), np.uint8)
    channels = model.get_layer("head").kernel.shape[0]
    one = TrainingFeatures(np.array([5]), np.array([0]), np.ones((1, channels), np.float32))
    found = explain(model, maps, pixels, np.array([0]), np.array([1]), np.array([0]), one)
    assert found.nearest.tolist() == [[5, -1, -1]]


def test_training_pictures_are_as_many_of_each_class_and_from_all_of_it() -> None:
    targets = np.repeat([0, 1, 2], [10_000, 300, 20])
    some = balanced(targets, np.array([0, 1]))
    counts = np.bincount(targets[some], minlength=3)
    assert counts.tolist() == [ENOUGH_TRAINING // 2, 300, 0]
    assert len(set(some.tolist())) == len(some)
    assert some[0] == 0
    assert some[ENOUGH_TRAINING // 2 - 1] > 9900
    assert not len(balanced(targets, np.array([], np.int64)))
