"""Which layers of an int8 model carry its error, and int8 files that keep some of them in float.

An activation is quantized with one scale for all its channels. Where one channel is far wider than
the others, these lose what they say. So the unit of the remedy is an activation: it stays float if
the layer that gives it and those that take it do. TensorFlow's QuantizationDebugger measures each
activation on its own (https://www.tensorflow.org/lite/performance/quantization_debugger).
"""

import csv
import difflib
import io
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.python.util import modify_model_io_type
from tensorflow.lite.tools import flatbuffer_utils

from edgetl.edge.errors import EdgetlError, SettingError
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.model.runtime import choose_runtime, default_threads
from edgetl.trainer import metrics
from edgetl.trainer.exporting.conversion import (
    InputType,
    converter_of,
    export_graph,
    in_silence,
    representative,
)
from edgetl.trainer.network.model import backbone_of, load_model
from edgetl.trainer.progress import say

# How long the search for layers may take; then the best set found so far stands.
SEARCH_SECONDS = 300
# Errors of activations are means over so many calibration pictures; more move no rank.
_MEASURED_PICTURES = 16


@dataclass(frozen=True)
class LayerError:
    """How much of what a layer's output says is lost to int8.

    `lost` is 0..1: the share of noise in each channel, noise / (noise + signal) by power, averaged
    over its channels. Noise of the layers before it is not counted.
    """

    layer: str
    lost: float


@dataclass(frozen=True)
class Judged:
    """What tells whether an int8 model is good enough: pictures, classes and the accuracy to reach.

    `pixels` is uint8 [pictures, height, width, 3], `truth` int [pictures].
    """

    pixels: Pixels
    truth: metrics.Classes
    accuracy: float


@dataclass(frozen=True)
class KeptFloat:
    """An int8 flatbuffer whose `layers` stay float, and the errors of its layers, worst first.

    `enough` is whether that is good enough; None where nobody asked.
    """

    flatbuffer: bytes
    layers: tuple[str, ...] = ()
    errors: tuple[LayerError, ...] = ()
    enough: bool | None = None


@dataclass(frozen=True)
class _Operator:
    """An operator of the flatbuffer: its layer, and the names of the tensors it takes and gives."""

    layer: str
    inputs: tuple[str, ...]
    output: str


class Int8Model:
    """A model calibrated for int8 once, and quantized any number of times.

    Args:
        model: as `edgetl.trainer.network.model.build_model` makes it, trained.
        calibration: uint8 [pictures, height, width, 3].
        input_type: of the files, as in `edgetl.trainer.exporting.conversion.Conversion`.

    Raises:
        EdgetlError: the converter failed.
    """

    def __init__(self, model: keras.Model, calibration: Pixels, input_type: InputType) -> None:
        self._input_type = input_type
        graph = export_graph(model)
        converter = converter_of(graph)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: representative(calibration)
        with in_silence():
            self._debugger = tf.lite.experimental.QuantizationDebugger(
                converter=converter,
                debug_dataset=lambda: representative(calibration[:_MEASURED_PICTURES]),
                debug_options=_options([]),
            )
        known = {layer.name for layer in (*graph.layers, *backbone_of(model).layers)}
        self._operators = _operators(self._debugger.calibrated_model, known)

    @property
    def layers(self) -> list[str]:
        """The names of the layers that can stay float, in the order they run."""
        # Not the first, which takes the quantized picture.
        return list(dict.fromkeys(op.layer for op in self._operators))[1:]

    def errors(self, keep_float: Collection[str] = ()) -> list[LayerError]:
        """The error of every layer that does not stay float, worst first."""
        table = io.StringIO()
        with in_silence():
            self._debugger.options = _options(self._outputs(keep_float))
            self._debugger.run()
            self._debugger.layer_statistics_dump(table)
        table.seek(0)
        layer_of = {op.output: op.layer for op in self._operators}
        lost = {layer_of.get(row["tensor_name"]): row["lost"] for row in csv.DictReader(table)}
        errors = [LayerError(layer, float(lost[layer])) for layer in self.layers if layer in lost]
        return sorted(errors, key=lambda error: -error.lost)

    def around(self, layer: str) -> list[str]:
        """The layer and those that take its output, in the order they run."""
        made = {op.output for op in self._operators if op.layer == layer}
        found = {op.layer for op in self._operators if op.layer == layer or made & {*op.inputs}}
        return [name for name in self.layers if name in found]

    def quantized(self, keep_float: Collection[str]) -> bytes:
        """The flatbuffer whose layers `keep_float` stay float.

        Raises:
            SettingError: there is no such layer; the message names those that are like it.
            EdgetlError: the quantizer failed.
        """
        for name in keep_float:
            if name not in self.layers:
                like = difflib.get_close_matches(name, self.layers, n=3) or self.layers[:3]
                raise SettingError(f"keep-float {name!r} is no layer; there are {', '.join(like)}")
        with in_silence():
            # Not through the debugger, which would make its own model of each choice as well.
            flatbuffer = mlir_quantize(
                self._debugger.calibrated_model, denylisted_nodes=self._outputs(keep_float)
            )
            return bytes(
                modify_model_io_type(flatbuffer, tf.dtypes.as_dtype(self._input_type), tf.float32)
            )

    def _outputs(self, layers: Collection[str]) -> list[str]:
        return [op.output for op in self._operators if op.layer in layers]


def layer_errors(model: Path, calibration: Pixels, input_type: InputType) -> tuple[LayerError, ...]:
    """The error of every layer of a saved model in int8, worst first; for a process of its own.

    Raises:
        EdgetlError: the quantizer failed.
    """
    return tuple(Int8Model(load_model(model), calibration, input_type).errors())


def keep_named(
    model: Path, layers: Sequence[str], calibration: Pixels, input_type: InputType
) -> KeptFloat:
    """An int8 file of a saved model whose `layers` stay float; for a process of its own.

    Raises:
        SettingError: there is no such layer.
        EdgetlError: the quantizer failed.
    """
    int8 = Int8Model(load_model(model), calibration, input_type)
    flatbuffer = int8.quantized(layers)
    return KeptFloat(flatbuffer, tuple(layers), tuple(int8.errors(layers)))


def keep_fewest(
    model: Path, calibration: Pixels, input_type: InputType, judged: Judged
) -> KeptFloat:
    """An int8 file that keeps the fewest layers in float that make it good enough.

    For a process of its own. See `fewest_layers`; where all of int8 is good enough, none are kept.

    Raises:
        EdgetlError: the quantizer failed.
    """
    int8 = Int8Model(load_model(model), calibration, input_type)
    errors = int8.errors()

    def enough(layers: Collection[str]) -> bool:
        return _accuracy(int8.quantized(layers), judged) >= judged.accuracy

    found = fewest_layers([int8.around(error.layer) for error in errors], enough)
    layers = [name for name in int8.layers if found and name in found]
    return KeptFloat(int8.quantized(layers), tuple(layers), tuple(errors), found is not None)


def fewest_layers(
    ranked: Sequence[Collection[str]],
    enough: Callable[[Collection[str]], bool],
    *,
    seconds: float = SEARCH_SECONDS,
) -> set[str] | None:
    """The smallest set of layers that is enough to keep, as far as `seconds` allow.

    It takes whole groups from the front of `ranked`, twice as many each time until they are enough,
    then halves the interval, then leaves out each layer that turns out not to be needed.

    Args:
        ranked: groups of layers that only help together, the worst first.
        enough: whether it is enough to keep these.

    Returns:
        None where no set that was tried is enough.
    """
    until = time.monotonic() + seconds

    def first(groups: int) -> set[str]:
        return set().union(*ranked[:groups])

    if enough(first(0)):
        return set()
    too_few, tried = 0, 1
    while not enough(first(tried)):
        if tried == len(ranked) or time.monotonic() > until:
            return None
        too_few, tried = tried, min(2 * tried, len(ranked))
    while tried - too_few > 1 and time.monotonic() < until:
        middle = (too_few + tried) // 2
        too_few, tried = (too_few, middle) if enough(first(middle)) else (middle, tried)
    kept = first(tried)
    # The least of them first.
    for layer in [name for group in reversed(ranked[:tried]) for name in group]:
        if layer in kept and time.monotonic() < until and enough(kept - {layer}):
            kept -= {layer}
    say(f"keeping {len(kept)} layers in float is enough")
    return kept


def _options(float_nodes: Sequence[str]) -> Any:
    return tf.lite.experimental.QuantizationDebugOptions(
        denylisted_nodes=float_nodes, layer_direct_compare_metrics={"lost": _lost}
    )


def _lost(
    expected: npt.NDArray[Any], stored: npt.NDArray[Any], scale: float, zero_point: int
) -> float:
    found = (stored.astype(np.float64) - zero_point) * scale
    channels = expected.reshape(-1, expected.shape[-1]).astype(np.float64)
    noise = ((channels - found.reshape(channels.shape)) ** 2).mean(axis=0)
    signal = channels.var(axis=0)
    # A channel that never changes, of a dead unit say, has nothing to lose.
    says = signal > 1e-12
    return float((noise[says] / (noise[says] + signal[says])).mean()) if says.any() else 0.0


def _operators(flatbuffer: bytes, known: Collection[str]) -> list[_Operator]:
    graph = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer)).subgraphs[0]
    names = [tensor.name.decode() for tensor in graph.tensors]
    return [
        _Operator(
            layer=_layer(names[op.outputs[0]], known),
            inputs=tuple(names[i] for i in op.inputs if i >= 0),
            output=names[op.outputs[0]],
        )
        for op in graph.operators
    ]


def _layer(tensor: str, known: Collection[str]) -> str:
    """The Keras layer, one of `known`, that a tensor is the output of, by the tensor's name.

    The converter joins the names of what it fused with ";", each like edgetl_1/block_1_add_1/Add;
    of a convolution with its normalization and activation, the convolution is the layer.
    """
    parts = tensor.split(";")
    main = next((p for p in parts if p.endswith(("/convolution", "/depthwise"))), parts[0])
    scope = main.split("/")[-2:][0]
    # Keras numbers the calls of a layer.
    return scope if scope in known else scope.rpartition("_")[0] or scope


def _accuracy(flatbuffer: bytes, judged: Judged) -> float:
    try:
        interpreter = choose_runtime("litert").interpreter(flatbuffer, threads=default_threads())
    except (ValueError, RuntimeError) as error:
        raise EdgetlError(
            f"LiteRT cannot run the model with these layers in float ({error})"
        ) from error
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    right = 0
    for pixels, truth in zip(judged.pixels, judged.truth, strict=True):
        interpreter.set_tensor(taken["index"], pixels[np.newaxis].astype(taken["dtype"]))
        interpreter.invoke()
        right += int(interpreter.get_tensor(given["index"]).argmax()) == truth
    return right / len(judged.truth)
