"""From Keras to a TFLite flatbuffer, in silence."""

import contextlib
import io
import warnings
from typing import Any

import keras
import tensorflow as tf

from edge.errors import EdgetlError
from edge.native_log import hidden_native_log


def converter_of(model: keras.Model) -> Any:
    """A `tf.lite.TFLiteConverter` of a model with one input of fixed shape, batch and all.

    By way of a concrete function: `from_keras_model` writes a SavedModel first and takes three
    times as long. (The function alone, without the model as the second argument: with it the
    weights would be left out of the file.)
    """
    call = tf.function(lambda image: model(image, training=False))
    function = call.get_concrete_function(tf.TensorSpec(model.input_shape, tf.float32))
    return tf.lite.TFLiteConverter.from_concrete_functions([function])


def converted(converter: Any) -> bytes:
    """What a `tf.lite.TFLiteConverter` makes of its model.

    Raises:
        EdgetlError: the converter failed.
    """
    try:
        # The converter prints to stdout, which is for results, and logs from C++.
        with (
            hidden_native_log(),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            flatbuffer: bytes = converter.convert()
    except Exception as error:
        raise EdgetlError(
            f"TensorFlow cannot convert the model ({' '.join(str(error).split())[:300]})"
        ) from error
    return flatbuffer
