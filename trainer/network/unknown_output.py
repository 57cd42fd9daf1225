"""The label "unknown" as a part of the network: one more logit beside those of the classes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from edgetl.edge.model.class_distance import Unknown, unknown_weights
from edgetl.trainer.network.model import features_model
from edgetl.trainer.network.plain_model import load_model
from edgetl.trainer.unknown import read_unknown

# The layers that have to compute in float in an int8 file: the square of a distance has more than
# 256 values, and a probability of 0.999 is another than one of 0.996.
FLOAT_LAYERS = ("unknown", "probability")
# A logarithm of a probability of 0, within the range of float16.
_NEVER = -1e4

_Constant = npt.NDArray[np.float32]


class UnknownOutput(keras.layers.Layer):
    """Of pooled features and logits of the classes, the logarithms of all probabilities.

    "unknown" is the last. Its odds are those of `edge.model.class_distance.Unknown`, and the
    classes share the rest as before. Where the last class is itself "unknown", of photos that are
    examples of it, the two become one.

    Two convolutions of 1x1, which every TFLite runtime has, give the distance
    (`edge.model.class_distance.UnknownWeights`).
    """

    def __init__(self, unknown: Unknown, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._of = unknown_weights(unknown)

    def call(self, pooled: Any, logits: Any) -> Any:
        """pooled: float32 [batch, 1, 1, channels]; logits: float32 [batch, classes], or [batch, 1]
        of two classes.
        """
        if logits.shape[-1] == 1:
            logits = ops.concatenate([-logits / 2, logits / 2], axis=-1)
        unit = pooled * ops.rsqrt(ops.sum(ops.square(pooled), axis=-1, keepdims=True) + 1e-12)
        across = ops.conv(unit, self._of.projection[np.newaxis, np.newaxis])
        along = ops.conv(unit, self._of.linear[np.newaxis, np.newaxis]) - self._of.constants
        squared = ops.sum(ops.square(across), axis=-1, keepdims=True)
        unknown = self._of.offset - squared - ops.max(along, axis=-1, keepdims=True)
        # Neither log_softmax nor a concatenation: the quantizer rounds what they give and take,
        # even where they are to stay float.
        classes, known = logits.shape[-1], len(self._of.constants)
        of_labels, own = _of_labels(classes, known)
        wide = ops.conv(ops.reshape(logits, (-1, 1, 1, classes)), of_labels)
        if classes == known:
            wide = wide + _NEVER * own
        shifted = wide - ops.max(wide, axis=-1, keepdims=True)
        logarithms = shifted - ops.log(ops.sum(ops.exp(shifted), axis=-1, keepdims=True))
        examples = ops.sum(logarithms * own, axis=-1, keepdims=True)
        most = ops.maximum(examples, unknown)
        both = most + ops.log(ops.exp(examples - most) + ops.exp(unknown - most))
        return ops.reshape(logarithms * (1 - own) + both * own, (-1, len(own)))


def _of_labels(classes: int, known: int) -> tuple[_Constant, _Constant]:
    """The kernel that gives each class its label, and 1 at the index of "unknown".

    The last class is itself "unknown" where there are more classes than known ones.
    """
    kernel = np.eye(classes, known + 1, dtype=np.float32)[np.newaxis, np.newaxis]
    own = np.zeros(known + 1, np.float32)
    own[-1] = 1
    return kernel, own


@dataclass(frozen=True)
class TrainedModel:
    """The model of a run by its files: model.keras, and unknown.npz or None."""

    path: Path
    unknown: Path | None

    def load(self) -> tuple[keras.Model, Unknown | None]:
        """The model, from pixels to the logits of the classes, and when a picture is unknown.

        Raises:
            RunFolderError: a file is damaged.
        """
        return load_model(self.path), read_unknown(self.unknown) if self.unknown else None

    def load_whole(self) -> keras.Model:
        """The model with "unknown" as its last logit, if the run knows when a picture is.

        Raises:
            RunFolderError: a file is damaged.
        """
        model, unknown = self.load()
        return with_unknown(model, unknown) if unknown else model


def with_unknown(model: keras.Model, unknown: Unknown) -> keras.Model:
    """A model that `build_model` made, with the logarithm of each probability as its output."""
    features = features_model(model)
    pooled = keras.layers.Reshape((1, 1, features.output_shape[-1]))(features.output)
    logits = model.get_layer("head")(features.output)
    output = UnknownOutput(unknown, name="unknown")(pooled, logits)
    return keras.Model(features.input, output, name="edgetl_with_unknown")
