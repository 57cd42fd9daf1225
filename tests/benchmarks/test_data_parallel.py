import keras
import numpy as np
import pytest

from edgetl.benchmarks.dev.data_parallel_worker import shifted_products


@pytest.mark.parametrize(("strides", "padding"), [((1, 1), "same"), ((2, 2), "valid")])
def test_a_depthwise_convolution_as_shifted_products_is_the_same(strides, padding):
    random = np.random.default_rng(0)
    inputs = random.normal(size=(2, 11, 11, 6)).astype(np.float32)
    kernel = random.normal(size=(3, 3, 6, 1)).astype(np.float32)
    expected = keras.ops.depthwise_conv(inputs, kernel, strides=strides, padding=padding)
    found = shifted_products(inputs, kernel, strides=strides, padding=padding)
    np.testing.assert_allclose(found, expected, atol=1e-5)
