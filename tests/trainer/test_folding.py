import keras
import numpy as np
import pytest
import tensorflow as tf

from edgetl.trainer.network.devices import computing_in
from edgetl.trainer.network.folding import FoldedBackbone
from edgetl.trainer.network.model import build_model, class_probabilities, folded_model
from edgetl.trainer.recipe import Recipe


@pytest.fixture(scope="module")
def backbone() -> keras.Model:
    # The kernels too are the same whatever ran before: the bounds below are for these.
    keras.utils.set_random_seed(0)
    backbone = keras.applications.MobileNetV2((64, 64, 3), include_top=False, weights=None)
    random = np.random.default_rng(0)
    for layer in backbone.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            channels = layer.gamma.shape[0]
            layer.gamma.assign(random.uniform(0.5, 1.5, channels))
            layer.beta.assign(random.normal(0, 0.2, channels))
            layer.moving_mean.assign(random.normal(0, 0.2, channels))
            layer.moving_variance.assign(random.uniform(0.5, 1.5, channels))
    return backbone


@pytest.mark.parametrize("split_layer", ["block_10_project_BN", "block_15_add", "Conv1_relu"])
def test_folding_changes_neither_outputs_nor_gradients(
    backbone: keras.Model, split_layer: str
) -> None:
    place = [layer.name for layer in backbone.layers].index(split_layer)
    activations = backbone.layers[place].output
    inputs = np.random.default_rng(1).normal(size=(3, *activations.shape[1:])).astype(np.float32)
    layers = keras.Model(activations, backbone.output)
    folded = FoldedBackbone(backbone, place)

    def results(function, variables):
        with tf.GradientTape() as tape:
            outputs = function(tf.constant(inputs))
            loss = tf.reduce_mean(outputs**2)
        return outputs.numpy(), [g.numpy() for g in tape.gradient(loss, variables)]

    variables = [variable.value for variable in layers.trainable_variables]
    outputs, gradients = results(lambda x: layers(x, training=False), variables)
    of_folded, gradients_of_folded = results(folded, variables)
    assert outputs.std() > 0.01
    np.testing.assert_allclose(of_folded, outputs, rtol=1e-4, atol=1e-4)
    assert len(gradients) > 10
    for gradient, of_fold in zip(gradients, gradients_of_folded, strict=True):
        assert np.abs(gradient).max() > 0
        np.testing.assert_allclose(of_fold, gradient, rtol=1e-3, atol=1e-3 * np.abs(gradient).max())


def test_only_training_multiplies_in_another_precision(backbone: keras.Model) -> None:
    place = [layer.name for layer in backbone.layers].index("block_15_add")
    shape = backbone.layers[place].output.shape[1:]
    inputs = tf.constant(np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32))
    kernel = backbone.get_layer("block_16_project").kernel.value
    full, half = (
        FoldedBackbone(backbone, place, compute_dtype=kind) for kind in (None, "bfloat16")
    )
    results = []
    for layer in (full, half):
        with tf.GradientTape() as tape:
            outputs = layer(inputs, training=True)
            loss = tf.reduce_mean(outputs**2)
        gradient = tape.gradient(loss, kernel)
        assert (outputs.dtype, gradient.dtype) == (tf.float32, tf.float32)
        results.append((outputs.numpy(), gradient.numpy()))
    for expected, found in zip(*results, strict=True):
        # Eight bits of each factor.
        assert 0 < np.abs(found - expected).max() < 0.02 * np.abs(expected).max()
    np.testing.assert_array_equal(half(inputs, training=False), full(inputs, training=False))


@pytest.mark.slow
def test_in_mixed_precision_activations_are_of_half_precision_and_variables_are_not() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (3, 64, 64, 3), np.uint8)
    with computing_in("mixed_float16"):
        model = build_model(Recipe(height=64, width=64), 2)
        folded = folded_model(model)
    assert folded.get_layer("above").compute_dtype == "float16"
    assert {weight.dtype for weight in folded.weights} == {"float32"}
    expected = class_probabilities(model, pixels)
    np.testing.assert_allclose(class_probabilities(folded, pixels), expected, atol=0.02)


def test_the_variables_are_the_layers_own(backbone: keras.Model) -> None:
    place = [layer.name for layer in backbone.layers].index("block_15_add")
    folded = FoldedBackbone(backbone, place)
    above = [weight for layer in backbone.layers[place + 1 :] for weight in layer.weights]
    assert {id(weight) for weight in folded.weights} == {id(weight) for weight in above}
    backbone.layers[-3].trainable = False
    try:
        assert len(folded.trainable_weights) == len(above) // 5 * 3 - len(
            backbone.layers[-3].weights
        ), "a convolution has one variable; a BatchNormalization four, of which two are trained"
    finally:
        backbone.layers[-3].trainable = True


@pytest.mark.parametrize("classes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_folded_model_answers_as_the_model_does(classes: int) -> None:
    model = build_model(Recipe(height=64, width=64), classes)
    pixels = np.random.default_rng(2).integers(0, 256, (5, 64, 64, 3), np.uint8)
    expected = class_probabilities(model, pixels)
    folded = folded_model(model)
    np.testing.assert_allclose(class_probabilities(folded, pixels), expected, atol=1e-4)
    # It follows the model's own variables.
    head = model.get_layer("head")
    head.kernel.assign(-2 * head.kernel)
    changed = class_probabilities(model, pixels)
    assert np.abs(changed - expected).max() > 0.01
    np.testing.assert_allclose(class_probabilities(folded, pixels), changed, atol=1e-4)
