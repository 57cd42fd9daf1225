"""Pixels to input tensors and output tensors to probabilities, in every kind of model."""

import numpy as np
import pytest

from edgetl.edge.model.model_file import TensorSpec
from edgetl.edge.model.normalization import Normalization
from edgetl.edge.model.quantization import input_values, probabilities

ALL = np.arange(256, dtype=np.uint8)[np.newaxis, :, np.newaxis].repeat(3, axis=2)


def spec(dtype: str, scale: float = 0.0, zero_point: int = 0) -> TensorSpec:
    return TensorSpec("x", (1, 1, 256, 3), np.dtype(dtype), scale, zero_point)


def normalization(mean: float | list[float], std: float | list[float]) -> Normalization:
    return Normalization(tuple(np.atleast_1d(mean)), tuple(np.atleast_1d(std)))


@pytest.mark.parametrize("given", [None, normalization(0, 1)])
def test_a_frame_goes_as_it_is_into_a_model_that_takes_pixels(given: Normalization | None) -> None:
    assert np.shares_memory(input_values(spec("uint8", 1, 0), given)(ALL), ALL)


@pytest.mark.parametrize("zero_point", [127, 128])
def test_steps_that_leave_every_pixel_on_a_tie_keep_256_values_apart(zero_point: int) -> None:
    # -1..1 in 255 steps: the zero point 127.5 has been rounded.
    convert = input_values(
        spec("uint8", np.float32(2 / 255), zero_point), normalization(127.5, 127.5)
    )
    values = convert(ALL)[0, :, 0].astype(int)
    assert abs(values - np.arange(256)).max() <= 1
    assert len(set(values.tolist())) >= 255


@pytest.mark.parametrize("given", [None, normalization(127.5, 127.5)])
def test_int8_is_shifted(given: Normalization | None) -> None:
    values = input_values(spec("int8", np.float32(2 / 255), -1), given)(ALL)
    assert values.dtype == np.int8
    assert (values[0] == np.arange(-128, 128)[:, np.newaxis]).all()


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_a_quantized_input_gets_the_normalized_pixel_in_its_own_steps(dtype: str) -> None:
    mean, std = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
    zero_point = 120 if dtype == "uint8" else -8
    tensor = spec(dtype, 0.02, zero_point)
    values = input_values(tensor, normalization(mean, std))(ALL)
    assert values.dtype == np.dtype(dtype)
    limits = np.iinfo(dtype)
    expected = ((ALL - np.array(mean)) / std).clip(
        (limits.min - zero_point) * 0.02, (limits.max - zero_point) * 0.02
    )
    assert abs((values.astype(float) - zero_point) * 0.02 - expected).max() <= 0.0101


def test_pixels_beyond_the_steps_are_held_at_the_ends() -> None:
    values = input_values(spec("int8", 0.001, 0), normalization(127.5, 127.5))(ALL)
    assert (values[0, 0], values[0, -1]) == (pytest.approx([-128] * 3), pytest.approx([127] * 3))


def test_any_layout_of_the_pixels_gives_the_same_values() -> None:
    random = np.random.default_rng(1)
    pixels = random.integers(0, 256, (12, 10, 3)).astype(np.uint8)
    convert = input_values(spec("int8", 0.02, 3), normalization([100, 120, 140], [50, 60, 70]))
    for view in (pixels[:, ::-1], pixels[2:8, 3:7], pixels[..., ::-1], pixels.transpose(1, 0, 2)):
        assert (convert(view) == convert(np.ascontiguousarray(view))).all()


def test_a_float_input_gets_the_normalized_pixel() -> None:
    same = input_values(spec("float32"), normalization(0, 1))(ALL)
    assert same.dtype == np.float32
    assert (same == ALL).all()
    scaled = input_values(spec("float32"), normalization([0, 10, 20], [1, 2, 4]))(ALL)
    assert scaled.dtype == np.float32
    assert scaled[0, 30].tolist() == [30, 10, 2.5]


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8"])
def test_logits_become_probabilities(dtype: str) -> None:
    stored = np.array([[10, 30, 20]], dtype)
    tensor = spec(dtype, 0.0 if dtype == "float32" else 0.1, 0 if dtype == "float32" else 10)
    given = probabilities(tensor, "logits")(stored)
    real = np.array([10, 30, 20]) if dtype == "float32" else np.array([0, 2, 1])
    powers = np.exp(real - real.max())
    assert given.dtype == np.float32
    assert given == pytest.approx(powers / powers.sum(), abs=1e-6)


def test_logits_of_any_size_become_probabilities() -> None:
    given = probabilities(spec("float32"), "logits")(np.array([[3e38, -3e38, 3e38]], np.float32))
    assert given.tolist() == [0.5, 0, 0.5]


def test_probabilities_are_taken_as_they_are() -> None:
    assert probabilities(spec("uint8", 1 / 256, 0), "probabilities")(
        np.array([[0, 64, 128]], np.uint8)
    ).tolist() == [0, 0.25, 0.5]
