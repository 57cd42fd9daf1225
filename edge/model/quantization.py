"""From pixels to the values of a model's input tensor, and from its output's to probabilities.

Both are chosen once, when a model is loaded; for each picture only what the model needs is done.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import ModelFileError, quoted
from edgetl.edge.model.model_file import ModelFile, TensorSpec
from edgetl.edge.model.normalization import Normalization
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.model.verify.graph import OutputValues

# Mapping a range of values to 256 steps often leaves every pixel half way between two of them
# (-1..1 in steps of 2/255 about a rounded zero point). All ties, inexact as they are, go one way,
# so that 256 pixel values stay 256 values.
_TIE = 0.5 + 1e-3


def check_scaling(model: ModelFile) -> None:
    """See that a model says how its input is scaled.

    Raises:
        ModelFileError: it takes float32 and does not.
    """
    if model.input.dtype == np.float32 and model.normalization is None:
        raise ModelFileError(
            f"{quoted(model.path)}: takes float32 input but does not say how pixels are scaled; "
            f"say it with --normalize -1,1 or 0,1 or MEAN,STD, as its training had it"
        )


def input_values(
    spec: TensorSpec, normalization: Normalization | None
) -> Callable[[Pixels], npt.NDArray[Any]]:
    """What turns pixels, uint8 [height, width, 3] RGB, into an array of the input's dtype.

    A float32 input gets (pixel - mean) / std. A quantized one gets that in its own steps; without a
    normalization, or without steps, its 256 values stand for the 256 pixel values.

    Args:
        spec: the input: float32, uint8 or int8.
        normalization: what the model expects of a pixel; for a float32 input it must be there.
    """
    if spec.dtype == np.float32:
        assert normalization is not None
        mean, std = _per_channel(normalization)
        if not mean.any() and (std == 1).all():
            return lambda pixels: pixels.astype(np.float32)
        return lambda pixels: (pixels.astype(np.float32) - mean) / std
    table = _table(spec, normalization)
    if (table.view(np.uint8) == np.arange(256)[:, np.newaxis]).all():
        return lambda pixels: pixels.view(spec.dtype)
    steps = table.view(np.uint8)[np.newaxis]
    return lambda pixels: cv2.LUT(pixels, steps).view(spec.dtype)


def probabilities(
    spec: TensorSpec, values: OutputValues
) -> Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]:
    """What turns an output tensor of the interpreter into probabilities, float32 [classes].

    Args:
        spec: the output: float32, uint8 or int8.
        values: what its real values are; of logits the softmax is taken.
    """

    def real(tensor: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        values = tensor.reshape(-1)
        if values.dtype == np.float32:
            return values
        return ((values.astype(np.float32) - spec.zero_point) * scale).astype(np.float32)

    scale = spec.scale or 1.0
    if values == "probabilities":
        return real
    return lambda tensor: _softmax(real(tensor))


def _softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    # float64 holds the difference of any two float32.
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return np.asarray(powers / powers.sum(), np.float32)


def _per_channel(
    normalization: Normalization,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    mean, std = (np.asarray(n, np.float32) for n in (normalization.mean, normalization.std))
    return np.broadcast_to(mean, 3), np.broadcast_to(std, 3)


def _table(spec: TensorSpec, normalization: Normalization | None) -> npt.NDArray[Any]:
    """The input's value for each pixel value and channel, [256, 3] of the input's dtype."""
    pixels = np.arange(256)[:, np.newaxis].repeat(3, axis=1)
    limits = np.iinfo(spec.dtype)
    if normalization is None or not spec.scale:
        return (pixels + limits.min).astype(spec.dtype)
    mean, std = (array.astype(np.float64) for array in _per_channel(normalization))
    steps = np.floor((pixels - mean) / std / spec.scale + spec.zero_point + _TIE)
    return np.asarray(steps.clip(limits.min, limits.max), spec.dtype)
