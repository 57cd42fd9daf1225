"""The network: augmentation, scaling, MobileNetV2, pooling, dropout and a new head.

MobileNetV2: Sandler et al., CVPR 2018, https://arxiv.org/abs/1801.04381
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.model.preprocessing import Pixels
from edgetl.trainer import metrics
from edgetl.trainer.config import check_weights
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.network.augmentation import augmentation
from edgetl.trainer.network.folding import FoldedBackbone
from edgetl.trainer.recipe import Recipe

BUNDLED_WEIGHTS = (
    Path(__file__).parents[1] / "weights" / "mobilenet_v2_1.0_224_imagenet_no_top.weights.h5"
)

_PREDICTION_BATCH = 64


@keras.saving.register_keras_serializable(package="edgetl")
class InferenceModeBackbone(keras.layers.Layer):
    """A backbone whose BatchNormalization always uses its moving statistics.

    In a functional model, `backbone(x, training=False)` is not kept: `fit` passes training=True
    down, and once the backbone is trainable BatchNormalization uses batch statistics and moves
    its own. A layer whose `call` passes training=False itself is kept to it. (Setting the
    BatchNormalization layers' `trainable` to False instead would freeze their gamma and beta.)
    """

    def __init__(self, backbone: keras.Model, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.backbone = backbone

    def call(self, inputs: Any) -> Any:
        return self.backbone(inputs, training=False)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.backbone.compute_output_shape(input_shape)

    def get_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().get_config()
        return {**config, "backbone": keras.saving.serialize_keras_object(self.backbone)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "InferenceModeBackbone":
        backbone = keras.saving.deserialize_keras_object(config.pop("backbone"))
        return cls(backbone, **config)


@dataclass(frozen=True)
class ParameterCounts:
    """How many parameters the model has, and how many are trained in each phase."""

    backbone: int
    model: int
    trainable_head: int
    trainable_fine_tune: int
    frozen_fine_tune: int


def build_model(recipe: Recipe, classes: int) -> keras.Model:
    """A new model with the backbone frozen, ready for phase one.

    Args:
        recipe: size, augmentation, dropout, seed and starting weights.
        classes: 2 or more. Two classes end in one logit, of the second class; more in one each.

    Returns:
        A model from float32 (or uint8) [batch, height, width, 3] RGB 0..255 to logits.

    Raises:
        SettingError: the weights cannot be read or do not fit.
    """
    augment = augmentation(recipe)
    backbone = _backbone(recipe)
    backbone.trainable = False
    inputs = keras.Input((recipe.height, recipe.width, 3), name="image")
    x = augment(inputs) if augment else inputs
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(x)
    x = InferenceModeBackbone(backbone, name="backbone")(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dropout(recipe.dropout, seed=recipe.seed + 3, name="dropout")(x)
    initial = keras.initializers.GlorotUniform(seed=recipe.seed)
    head = keras.layers.Dense(
        logits(classes), kernel_initializer=initial, name="head", dtype="float32"
    )
    return keras.Model(inputs, head(x), name="edgetl")


def head_model(model: keras.Model) -> keras.Model:
    """The model's dropout and head alone: from pooled features [batch, channels] to logits.

    The layers are the model's own: what trains the one trains the other.
    """
    features = keras.Input((backbone_of(model).output_shape[-1],), name="features")
    x = model.get_layer("dropout")(features)
    return keras.Model(features, model.get_layer("head")(x), name="edgetl_head")


def tail_model(
    model: keras.Model, split_layer: int, *, compute_dtype: str | None = None
) -> keras.Model:
    """The model above the output of its backbone's layer `split_layer`, from that output to logits.

    The layers are the model's own: what trains the one trains the other. `compute_dtype` is that of
    `edgetl.trainer.network.folding`.
    """
    features = features_model(model, split_layer, compute_dtype=compute_dtype)
    x = model.get_layer("dropout")(features.output)
    return keras.Model(features.input, model.get_layer("head")(x), name="edgetl_tail")


def folded_model(model: keras.Model) -> keras.Model:
    """The model from pixels to logits, to ask about many pictures and not to train.

    The variables are the model's own and so is the answer, but for rounding (`folding`); a
    picture takes two thirds of the time.
    """
    features = features_model(model)
    logits = model.get_layer("head")(features.output)
    return keras.Model(features.input, logits, name="edgetl_folded")


def features_model(
    model: keras.Model, split_layer: int | None = None, *, compute_dtype: str | None = None
) -> keras.Model:
    """The model without its head, to pooled features float32 [batch, channels].

    Arguments are those of `feature_maps_model`.
    """
    maps = feature_maps_model(model, split_layer, compute_dtype=compute_dtype)
    return keras.Model(maps.input, model.get_layer("pool")(maps.output), name="edgetl_features")


def feature_maps_model(
    model: keras.Model, split_layer: int | None = None, *, compute_dtype: str | None = None
) -> keras.Model:
    """The model without pooling and head, to float32 [batch, h, w, channels].

    Args:
        model: whose variables it has.
        split_layer: the backbone's layer whose output it takes; None for pixels.
        compute_dtype: that of `edgetl.trainer.network.folding`.
    """
    if split_layer is None:
        inputs = keras.Input(model.input_shape[1:], name="image")
        x = model.get_layer("scale")(inputs)
    else:
        x = inputs = keras.Input(
            backbone_of(model).layers[split_layer].output.shape[1:], name="activations"
        )
    above = FoldedBackbone(
        backbone_of(model), split_layer or 0, compute_dtype=compute_dtype, name="above"
    )
    return keras.Model(inputs, above(x), name="edgetl_feature_maps")


def logits(classes: int) -> int:
    """How many numbers the head gives: one for two classes, else one a class."""
    return 1 if classes == 2 else classes


def set_head(
    model: keras.Model, kernel: npt.NDArray[np.float64], bias: npt.NDArray[np.float64]
) -> None:
    """Give the model a head of one logit a class: kernel [channels, classes], bias [classes].

    For two classes the model's one logit is the difference of the two.
    """
    if kernel.shape[1] == 2:
        kernel, bias = kernel[:, 1:] - kernel[:, :1], bias[1:] - bias[:1]
    head = model.get_layer("head")
    head.kernel.assign(kernel.astype(np.float32))
    head.bias.assign(bias.astype(np.float32))


def divide_logits(model: keras.Model, temperature: float) -> None:
    """Divide the logits that the head gives by a temperature: the most probable class stays."""
    for variable in model.get_layer("head").weights:
        variable.assign(variable / temperature)


def backbone_of(model: keras.Model) -> keras.Model:
    """The MobileNetV2 inside a model that `build_model` made."""
    return model.get_layer("backbone").backbone


def freeze_backbone(model: keras.Model) -> None:
    """Phase one: only the head is trained."""
    backbone_of(model).trainable = False


def unfreeze_backbone(model: keras.Model, *, first_layer: int) -> None:
    """Phase two: the backbone is trained from layer `first_layer` on."""
    backbone = backbone_of(model)
    backbone.trainable = True
    for layer in backbone.layers[:first_layer]:
        layer.trainable = False


def fine_tuned_paths(model: keras.Model, *, first_layer: int) -> set[str]:
    """The paths of the backbone's variables that phase two trains. Leaves the backbone frozen."""
    unfreeze_backbone(model, first_layer=first_layer)
    paths = {variable.path for variable in backbone_of(model).trainable_variables}
    freeze_backbone(model)
    return paths


def compile_for(model: keras.Model, optimizer: Any, *, label_smoothing: float = 0.0) -> None:
    """Compile with the loss and figures that fit the head: one logit, or one a class.

    The figures are "accuracy" and "cross_entropy", in nats, which label smoothing does not touch.
    """
    loss: Any
    if model.output_shape[-1] == 1:
        loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)
        accuracy = keras.metrics.BinaryAccuracy(threshold=0.0, name="accuracy")
        entropy = keras.metrics.BinaryCrossentropy(from_logits=True, name="cross_entropy")
    else:
        loss = SmoothedCrossEntropy(label_smoothing)
        accuracy = keras.metrics.SparseCategoricalAccuracy(name="accuracy")
        entropy = keras.metrics.SparseCategoricalCrossentropy(
            from_logits=True, name="cross_entropy"
        )
    model.compile(optimizer=optimizer, loss=loss, metrics=[accuracy, entropy])


class SmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy of logits with class indices, smoothed; Keras smooths one-hot targets only."""

    def __init__(self, label_smoothing: float) -> None:
        super().__init__(name="smoothed_cross_entropy")
        self.label_smoothing = label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        classes = y_pred.shape[-1]
        targets = keras.ops.one_hot(keras.ops.reshape(y_true, (-1,)), classes)
        return keras.losses.categorical_crossentropy(
            targets, y_pred, from_logits=True, label_smoothing=self.label_smoothing
        )


def parameter_counts(model: keras.Model, *, fine_tune_from: int) -> ParameterCounts:
    """Count the parameters in both phases. Leaves the backbone frozen, as phase one has it."""
    unfreeze_backbone(model, first_layer=fine_tune_from)
    fine_tune, frozen = _size(model.trainable_weights), _size(model.non_trainable_weights)
    freeze_backbone(model)
    return ParameterCounts(
        backbone=backbone_of(model).count_params(),
        model=model.count_params(),
        trainable_head=_size(model.trainable_weights),
        trainable_fine_tune=fine_tune,
        frozen_fine_tune=frozen,
    )


def class_probabilities(
    model: keras.Model,
    inputs: MemoryMappedArray | npt.NDArray[Any],
    rows: npt.NDArray[np.int64] | None = None,
) -> metrics.Probabilities:
    """The model's probabilities for inputs such as pixels, uint8 [pictures, height, width, 3].

    For those of `rows`, or all: float32 [pictures, classes], for two classes too. The model gives
    logits.
    """
    return logits_to_probabilities(outputs_of(model, inputs.dtype)(inputs, rows))


Outputs = Callable[
    [MemoryMappedArray | npt.NDArray[Any], npt.NDArray[np.int64] | None], npt.NDArray[np.float32]
]


def outputs_of(model: keras.Model, dtype: npt.DTypeLike) -> Outputs:
    """What gives a model's outputs, float32 [pictures, ...], for some rows of its inputs or all.

    It is compiled once for inputs of that dtype.
    """
    # `predict` would be compiled once more for a last batch of another size.
    compiled = tf.function(
        lambda batch: model(batch, training=False),
        input_signature=[tf.TensorSpec((None, *model.input_shape[1:]), dtype)],
    )

    def outputs(
        inputs: MemoryMappedArray | npt.NDArray[Any], rows: npt.NDArray[np.int64] | None
    ) -> npt.NDArray[np.float32]:
        rows = np.arange(len(inputs)) if rows is None else rows
        parts = [
            compiled(inputs[rows[start : start + _PREDICTION_BATCH]]).numpy()
            for start in range(0, len(rows), _PREDICTION_BATCH)
        ]
        found: npt.NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
        return found

    return outputs


def head_probabilities(
    model: keras.Model, features: npt.NDArray[np.float32]
) -> metrics.Probabilities:
    """What the model's head makes of pooled features [pictures, channels]."""
    kernel, bias = (variable.numpy() for variable in model.get_layer("head").weights)
    return logits_to_probabilities(features @ kernel + bias)


def class_kernel(model: keras.Model) -> npt.NDArray[np.float32]:
    """The weights of the model's head, float32 [channels, classes], for two classes too."""
    kernel: npt.NDArray[np.float32] = model.get_layer("head").kernel.numpy()
    # As in `logits_to_probabilities`.
    return np.concatenate([-kernel / 2, kernel / 2], axis=1) if kernel.shape[1] == 1 else kernel


def logits_to_probabilities(head: npt.NDArray[np.float32]) -> metrics.Probabilities:
    """What the head gives, float32 [pictures, 1 or classes], as float32 [pictures, classes]."""
    logits = head.astype(np.float64)
    if logits.shape[1] == 1:
        # One logit z is the same as the pair (-z/2, z/2): sigmoid(z) is the softmax's second.
        logits = np.concatenate([-logits / 2, logits / 2], axis=1)
    return metrics.softmax(logits).astype(np.float32)


def compiled_call(model: keras.Model) -> Callable[[Pixels], Any]:
    """The fastest inference of one picture in Keras: a compiled function of fixed shape.

    It takes pixels, uint8 [height, width, 3], and gives the logits of that one picture.
    """
    compiled = tf.function(
        lambda batch: model(batch, training=False),
        input_signature=[tf.TensorSpec((1, *model.input_shape[1:]), tf.float32)],
    )
    return lambda pixels: compiled(pixels[np.newaxis].astype(np.float32)).numpy()


def _size(weights: Any) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


def _backbone(recipe: Recipe) -> keras.Model:
    check_weights(recipe.weights)
    known = {"bundled": str(BUNDLED_WEIGHTS), "none": None}
    weights = known.get(recipe.weights, recipe.weights)
    try:
        return keras.applications.MobileNetV2(
            input_shape=(recipe.height, recipe.width, 3),
            alpha=recipe.alpha,
            include_top=False,
            weights=weights,
        )
    except Exception as error:
        # Keras and h5py raise anything from OSError to AttributeError on a file that does not fit.
        remedy = (
            "they are downloaded; is there a network? --weights bundled needs none"
            if weights == "imagenet"
            else f"give MobileNetV2 {recipe.alpha:g} weights without the top, as Keras saves them "
            "(.weights.h5)"
        )
        raise SettingError(
            f"--weights {quoted(recipe.weights)}: cannot be loaded "
            f"({' '.join(str(error).split())}); {remedy}"
        ) from error
