"""model.keras: the model in Keras' own layers, so that it opens where edgetl is not installed."""

from pathlib import Path

import keras
import numpy as np

from edgetl.edge.errors import RunFolderError, quoted
from edgetl.trainer.network.model import InferenceModeBackbone, backbone_of, logits, set_head


def plain_model(model: keras.Model) -> keras.Model:
    """A model that `build_model` made, for inference: without augmentation and dropout.

    Returns:
        A model from float32 (or uint8) [batch, height, width, 3] RGB 0..255 to the probabilities of
        all classes, float32 [batch, classes]. The backbone is the model's own.
    """
    kernel, bias = (np.asarray(weight) for weight in model.get_layer("head").get_weights())
    if kernel.shape[1] == 1:
        # Halves of a float are exact, so that their difference is the logit again.
        kernel = np.concatenate([-kernel / 2, kernel / 2], axis=1)
        bias = np.concatenate([-bias / 2, bias / 2])
    inputs = keras.Input(model.input_shape[1:], name="image")
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)
    x = backbone_of(model)(x, training=False)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    head = keras.layers.Dense(kernel.shape[1], name="head", dtype="float32")
    x = keras.layers.Softmax(name="probability", dtype="float32")(head(x))
    head.set_weights([kernel, bias])
    return keras.Model(inputs, x, name="edgetl")


def load_model(path: Path) -> keras.Model:
    """Load model.keras of a run, to the logits that `build_model` has.

    It is a `plain_model`; older versions saved the whole model as it was trained.

    Raises:
        RunFolderError: the file is damaged, or another model.
    """
    try:
        loaded = keras.saving.load_model(path, compile=False)
        names = {layer.name for layer in loaded.layers}
        if "probability" in names:
            return _to_logits(loaded)
        if not names >= {"backbone", "head", "pool", "scale"}:
            raise ValueError("its layers are not those of a run")
        return loaded
    except Exception as error:
        # A damaged archive raises anything from BadZipFile to KeyError.
        words = quoted(" ".join(str(error).split())[:200])
        raise RunFolderError(
            f"{quoted(path)}: damaged, or another model ({words}); train again"
        ) from error


def _to_logits(plain: keras.Model) -> keras.Model:
    (backbone,) = (layer for layer in plain.layers if isinstance(layer, keras.Model))
    kernel, bias = plain.get_layer("head").get_weights()
    inputs = keras.Input(plain.input_shape[1:], name="image")
    x = plain.get_layer("scale")(inputs)
    x = InferenceModeBackbone(backbone, name="backbone")(x)
    x = plain.get_layer("pool")(x)
    head = keras.layers.Dense(logits(kernel.shape[1]), name="head", dtype="float32")
    model = keras.Model(inputs, head(x), name="edgetl")
    set_head(model, kernel, bias)
    return model
