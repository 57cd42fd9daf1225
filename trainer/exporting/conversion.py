"""From Keras to TFLite flatbuffers of builtin operators, without the converter's output."""

import contextlib
import io
import warnings
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.python.util import modify_model_io_type

from edgetl.edge.errors import EdgetlError
from edgetl.edge.model.class_distance import Unknown
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.trainer.exporting.operators import Operator, operators
from edgetl.trainer.exporting.options import InputType, Quantization
from edgetl.trainer.network.model import backbone_of
from edgetl.trainer.network.unknown_output import (
    FLOAT_LAYERS,
    TrainedModel,
    UnknownOutput,
)


@dataclass(frozen=True)
class Conversion:
    """What to convert a model to.

    Attributes:
        quantization: "none" keeps float32 weights; "float16" halves them; "dynamic" stores them as
            int8 and computes partly in float; "int8" quantizes weights and activations after
            training (Jacob et al., CVPR 2018, https://arxiv.org/abs/1712.05877).
        input_type: of int8 files: "uint8" takes pixels as they are, of scale 1 and zero point 0.
            The others take float32 in any case, and all give float32 probabilities.
    """

    quantization: Quantization
    input_type: InputType = "float32"

    @property
    def file_name(self) -> str:
        """The name of the exported file."""
        if self.quantization == "none":
            return "model.float32.tflite"
        float_input = self.quantization == "int8" and self.input_type == "float32"
        return f"model.{self.quantization}{'-float32-input' if float_input else ''}.tflite"


def converted_files(
    trained: TrainedModel, conversions: list[Conversion], calibration: Pixels
) -> list[bytes]:
    """Convert a saved model, once for each of `conversions`; for a subprocess.

    Raises:
        EdgetlError: the converter failed.
    """
    graph = export_graph(*trained.load())
    return [convert(graph, conversion, calibration=calibration) for conversion in conversions]


def convert(graph: keras.Model, conversion: Conversion, *, calibration: Pixels) -> bytes:
    """Convert what `export_graph` made to a TFLite flatbuffer.

    `calibration` is uint8 [pictures, height, width, 3], for int8 only.

    Raises:
        EdgetlError: the converter failed.
    """
    converter = converter_of(graph)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if conversion.quantization == "int8":
        ranges = calibrated(converter, calibration)
        return quantized(ranges, operators(ranges, graph), (), conversion.input_type)
    if conversion.quantization != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if conversion.quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    return converted(converter)


def calibrated(converter: Any, calibration: Pixels) -> bytes:
    """A float flatbuffer with the range of every activation, as `quantized` takes it.

    Raises:
        EdgetlError: the converter failed.
    """
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: representative(calibration)
    # As TensorFlow's QuantizationDebugger does it.
    converter._experimental_calibrate_only = True
    return converted(converter)


def quantized(
    ranges: bytes, of_graph: Sequence[Operator], denylist: Collection[str], input_type: InputType
) -> bytes:
    """The int8 flatbuffer of a calibrated one, whose layers on the denylist stay float.

    So do those that have to (`FLOAT_LAYERS`).

    Raises:
        EdgetlError: the quantizer failed.
    """
    with without_output():
        flatbuffer = mlir_quantize(ranges, denylisted_nodes=float_outputs(of_graph, denylist))
        return bytes(modify_model_io_type(flatbuffer, tf.dtypes.as_dtype(input_type), tf.float32))


def float_outputs(of_graph: Sequence[Operator], denylist: Collection[str]) -> list[str]:
    """The tensors that stay float: of layers on the denylist, and of those that have to."""
    left = {*denylist, *FLOAT_LAYERS}
    return [op.output for op in of_graph if op.layer in left]


def export_graph(model: keras.Model, unknown: Unknown | None) -> keras.Model:
    """The model as it is converted: one float32 picture [1, H, W, 3] in, probabilities out.

    With `unknown`, that of "unknown" is the last.

    Augmentation and dropout are gone. The head is a 1x1 convolution after a pooling that keeps its
    dimensions, the same numbers as the dense layer: dense layers that TensorFlow 2.21 quantizes do
    not load in tflite-runtime 2.14. A single logit z becomes the pair (-0.4 z, 0.6 z), whose
    softmax is (1 - sigmoid(z), sigmoid(z)), so that two classes come out as two probabilities.
    """
    head = model.get_layer("head")
    kernel, bias = (np.asarray(weight) for weight in head.get_weights())
    if kernel.shape[1] == 1:
        # Not halves: tflite-runtime 2.14 takes a convolution whose channels all have the same scale
        # for one that has a single scale, and multiplies its dynamic-range weights by 0.
        kernel = np.concatenate([-0.4 * kernel, 0.6 * kernel], axis=1)
        bias = np.concatenate([-0.4 * bias, 0.6 * bias])
    classes = kernel.shape[1]
    inputs = keras.Input(model.input_shape[1:], batch_size=1, name="image")
    # Every layer is named: Keras numbers unnamed ones through the process, and the names end up in
    # the file, which the same run must export to the same bytes.
    x = keras.layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)
    x = backbone_of(model)(x, training=False)
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pool")(x)
    convolution = keras.layers.Conv2D(classes, 1, name="head")
    x = convolution(pooled)
    x = keras.layers.Reshape((classes,), name="logits")(x)
    if unknown:
        x = UnknownOutput(unknown, name="unknown")(pooled, x)
    x = keras.layers.Softmax(name="probability")(x)
    convolution.set_weights([kernel[np.newaxis, np.newaxis], bias])
    return keras.Model(inputs, x, name="edgetl")


def converter_of(model: keras.Model) -> Any:
    """A `tf.lite.TFLiteConverter` of a model with one input of fixed shape, batch and all.

    By way of a concrete function: `from_keras_model` writes a SavedModel first and takes three
    times as long. (The function alone, without the model as the second argument: with it the
    weights would be left out of the file.)
    """
    call = tf.function(lambda image: model(image, training=False))
    with without_output():
        function = call.get_concrete_function(tf.TensorSpec(model.input_shape, tf.float32))
        return tf.lite.TFLiteConverter.from_concrete_functions([function])


def converted(converter: Any) -> bytes:
    """The flatbuffer that a `tf.lite.TFLiteConverter` makes.

    Raises:
        EdgetlError: the converter failed.
    """
    with without_output():
        flatbuffer: bytes = converter.convert()
    return flatbuffer


@contextlib.contextmanager
def without_output() -> Iterator[None]:
    """For TensorFlow's converter and quantizer, which print to stdout and log from C++.

    Raises:
        EdgetlError: in place of whatever they raise.
    """
    try:
        with (
            hidden_native_log(),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    except Exception as error:
        raise EdgetlError(
            f"TensorFlow cannot convert the model ({' '.join(str(error).split())[:300]})"
        ) from error


def representative(calibration: Pixels) -> Iterator[list[Any]]:
    """Calibration pictures, uint8 [pictures, height, width, 3], as the converter takes them."""
    for number, picture in enumerate(calibration):
        pixels = picture.astype(np.float32)
        if number == 0:
            # The input's scale is 1 and its zero point 0 only if calibration has seen 0 and 255.
            pixels[0, 0, :], pixels[0, 1, :] = 0, 255
        yield [pixels[np.newaxis]]
