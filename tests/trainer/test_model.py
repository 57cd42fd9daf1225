from pathlib import Path

import keras
import numpy as np
import pytest

from edgetl.edge.errors import SettingError
from edgetl.trainer.network.model import (
    ParameterCounts,
    SmoothedCrossEntropy,
    backbone_of,
    build_model,
    class_probabilities,
    compile_for,
    parameter_counts,
    unfreeze_backbone,
)
from edgetl.trainer.recipe import Recipe

SMALL = Recipe(height=32, width=32)


@pytest.fixture(scope="module")
def two_class_model() -> keras.Model:
    """To be asked and not changed."""
    return build_model(SMALL, 2)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (2, ParameterCounts(2_257_984, 2_259_265, 1_281, 1_862_721, 396_544)),
        # Five classes: a head of 1280 x 5 weights and 5 biases.
        (5, ParameterCounts(2_257_984, 2_264_389, 6_405, 1_867_845, 396_544)),
    ],
)
def test_the_parameter_counts_at_160_are_those_of_the_reference(
    classes: int, expected: ParameterCounts
) -> None:
    model = build_model(Recipe(height=160, width=160, weights="none"), classes)
    assert backbone_of(model).output_shape == (None, 5, 5, 1280)
    assert parameter_counts(model, fine_tune_from=100) == expected


def test_phase_two_trains_scale_and_shift_of_batch_normalization_but_not_its_statistics() -> None:
    model = build_model(SMALL, 2)
    unfreeze_backbone(model, first_layer=100)
    compile_for(model, keras.optimizers.RMSprop(1e-3))
    # Two steps are sooner done than compiled; `fit` passes training=True down either way.
    model.run_eagerly = True
    layers = [
        layer
        for layer in backbone_of(model).layers
        if isinstance(layer, keras.layers.BatchNormalization)
    ]

    def moving_statistics() -> list[np.ndarray]:
        return [np.array(w) for la in layers for w in (la.moving_mean, la.moving_variance)]

    statistics = moving_statistics()
    scales = [np.array(layer.gamma) for layer in layers]
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (16, 32, 32, 3), np.uint8)
    model.fit(pictures, np.arange(16)[:, np.newaxis] % 2, batch_size=8, verbose=0)
    assert len(statistics) == 2 * 52
    for before, now in zip(statistics, moving_statistics(), strict=True):
        np.testing.assert_array_equal(before, now)
    changed = [not np.array_equal(b, layer.gamma) for b, layer in zip(scales, layers, strict=True)]
    assert changed[-1]
    assert not changed[0]


def test_the_backbone_gives_the_same_in_training_and_in_inference_once_it_is_trainable() -> None:
    model = build_model(SMALL, 2)
    unfreeze_backbone(model, first_layer=100)
    pictures = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 3)).astype(np.float32)
    features = keras.Model(model.get_layer("backbone").input, model.get_layer("backbone").output)
    training = np.array(features(pictures, training=True))
    np.testing.assert_array_equal(training, np.array(features(pictures, training=False)))
    # The trap itself: the bare backbone in its place does change, so this test can fail.
    bare = keras.Input((32, 32, 3))
    trap = keras.Model(bare, backbone_of(model)(bare, training=False))
    assert not np.array_equal(np.array(trap(pictures, training=True)), training)


def test_two_classes_come_out_as_two_probabilities(two_class_model: keras.Model) -> None:
    model = two_class_model
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    logits = np.array(model(pictures, training=False))[:, 0]
    probabilities = class_probabilities(model, pictures)
    np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-logits)), rtol=1e-5)


def test_the_bundled_weights_are_loaded_and_none_are_not(two_class_model: keras.Model) -> None:
    bundled = backbone_of(two_class_model).get_layer("Conv1").get_weights()[0]
    again = backbone_of(build_model(SMALL, 2)).get_layer("Conv1").get_weights()[0]
    noise = backbone_of(build_model(Recipe(height=32, width=32, weights="none"), 2))
    np.testing.assert_array_equal(bundled, again)
    assert not np.allclose(bundled, noise.get_layer("Conv1").get_weights()[0])


def test_weights_that_are_missing_or_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        SettingError, match=r"no such file .*; name a file, or bundled, imagenet or none"
    ):
        build_model(Recipe(height=32, width=32, weights=str(tmp_path / "x.h5")), 2)
    (tmp_path / "text.weights.h5").write_text("hello")
    with pytest.raises(SettingError, match="cannot be loaded"):
        build_model(Recipe(height=32, width=32, weights=str(tmp_path / "text.weights.h5")), 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"height": 31}, "height 31 is not between 32"),
        ({"epochs": -1}, "--epochs -1"),
        (
            {"head_solver": "adam", "head_epochs": 21, "epochs": 14},
            "--head-epochs 21 is more than the 14 epochs in all",
        ),
        ({"head_lr": 0.0}, "--head-lr 0.0"),
        ({"fine_tune_lr": float("nan")}, "--fine-tune-lr nan"),
        ({"fine_tune_from": 154}, "--fine-tune-from 154"),
        ({"dropout": 1.0}, "--dropout 1.0"),
        ({"rotation": -0.1}, "--rotation -0.1"),
    ],
)
def test_a_setting_out_of_range_is_named(change: dict[str, object], words: str) -> None:
    with pytest.raises(SettingError) as error:
        Recipe(**change)  # type: ignore[arg-type]
    assert words in str(error.value)


def test_label_smoothing_is_the_same_for_two_classes_and_for_many() -> None:
    logits = np.array([[0.3], [-2.0], [4.0]], np.float32)
    targets = np.array([0.0, 1.0, 1.0], np.float32)
    binary = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1)
    # A logit z is the pair (-z/2, z/2).
    pairs = np.concatenate([-logits / 2, logits / 2], axis=1)
    expected = float(binary(targets[:, np.newaxis], logits))
    assert float(SmoothedCrossEntropy(0.1)(targets, pairs)) == pytest.approx(expected, rel=1e-5)
    plain = float(keras.losses.SparseCategoricalCrossentropy(from_logits=True)(targets, pairs))
    assert float(SmoothedCrossEntropy(0.0)(targets, pairs)) == pytest.approx(plain, rel=1e-5)
    assert plain != pytest.approx(expected, rel=1e-2)
