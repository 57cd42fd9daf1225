import keras
import numpy as np
import pytest
import tensorflow as tf

from edgetl.trainer.network.adam import Adam


@pytest.mark.parametrize("compiled", [False, True])
def test_it_steps_as_keras_adam_does(compiled: bool) -> None:
    random = np.random.default_rng(0)
    gradients = [
        [random.normal(0, 10.0**-step, shape).astype(np.float32) for shape in [(3, 4), (4,)]]
        for step in range(6)
    ]
    ended = []
    for kind in (keras.optimizers.Adam, Adam):
        variables = [keras.Variable(np.ones(shape, np.float32)) for shape in [(3, 4), (4,)]]
        optimizer = kind(keras.optimizers.schedules.CosineDecay(0.1, 6))
        optimizer.build(variables)
        apply = tf.function(optimizer.apply) if compiled else optimizer.apply
        for gradient in gradients:
            apply([tf.constant(part) for part in gradient])
        assert int(optimizer.iterations.numpy()) == 6
        ended.append([value.numpy() for value in optimizer.variables + variables])
    assert len(ended[0]) == len(ended[1])
    for expected, found in zip(*ended, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    assert np.abs(ended[1][-1] - 1).min() > 0.01


def test_it_steps_on_several_devices_and_in_half_precision() -> None:
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    ended = []
    for kind in (keras.optimizers.Adam, Adam):
        keras.utils.set_random_seed(0)
        with strategy.scope():
            model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
            model.compile(keras.optimizers.LossScaleOptimizer(kind(0.1)), "mse")
        model.fit(np.eye(4), np.arange(4.0), batch_size=2, epochs=3, shuffle=False, verbose=0)
        ended.append(model.get_weights())
    for expected, found in zip(*ended, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
