"""Selective quantization: which layers of an int8 model carry its error, and leaving them in float.

An activation is quantized with one scale for all its channels. Where one channel has a far wider
range than the others, these lose their information. So the unit of the remedy is an activation: it
stays float if the layers that produce and consume it are on the denylist. TensorFlow's
QuantizationDebugger measures each activation separately
(https://www.tensorflow.org/lite/performance/quantization_debugger).
"""

import csv
import difflib
import io
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgetl.edge.errors import EdgetlError, SettingError
from edgetl.edge.model.preprocessing import Pixels
from edgetl.trainer import metrics
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.exporting.conversion import (
    converter_of,
    export_graph,
    float_outputs,
    quantized,
    representative,
    without_output,
)
from edgetl.trainer.exporting.interpreting import probabilities_of
from edgetl.trainer.exporting.operators import operators
from edgetl.trainer.exporting.options import SEARCH_SECONDS, InputType
from edgetl.trainer.exporting.record import LayerQuantizationError
from edgetl.trainer.network.unknown_output import FLOAT_LAYERS, TrainedModel

# Errors of activations are means over so many calibration pictures; more do not change the order.
_MEASURED_PICTURES = 16


@dataclass(frozen=True)
class AcceptanceCriteria:
    """When an int8 model is accepted: the accuracy, 0..1, that it must reach on some pictures.

    `pixels` is uint8 [pictures, height, width, 3] on disk, `rows` which of them, and `targets` the
    classes of these, both int [rows].
    """

    pixels: MemoryMappedArray
    rows: metrics.Classes
    targets: metrics.Classes
    accuracy: float


@dataclass(frozen=True)
class QuantizedModel:
    """A flatbuffer, its layers that stay float, and the errors of the others, worst first.

    `accepted` is whether it meets the acceptance criteria; None where there were none.
    """

    flatbuffer: bytes
    denylist: tuple[str, ...] = ()
    errors: tuple[LayerQuantizationError, ...] = ()
    accepted: bool | None = None


class Int8Model:
    """A model calibrated for int8 once, and quantized any number of times.

    `graph` is what `export_graph` made, `calibration` uint8 [pictures, height, width, 3];
    `input_type` is as in `Conversion`.

    Raises:
        EdgetlError: the converter failed.
    """

    def __init__(self, graph: keras.Model, calibration: Pixels, input_type: InputType) -> None:
        self._input_type = input_type
        converter = converter_of(graph)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: representative(calibration)
        with without_output():
            self._debugger = tf.lite.experimental.QuantizationDebugger(
                converter=converter,
                debug_dataset=lambda: representative(calibration[:_MEASURED_PICTURES]),
                debug_options=_options([]),
            )
        self._operators = operators(self._debugger.calibrated_model, graph)

    @property
    def layers(self) -> list[str]:
        """The names of the layers that can stay float, in order of execution."""
        # Not the first: its input is the quantized picture. Nor those that are float always.
        found = list(dict.fromkeys(op.layer for op in self._operators))[1:]
        return [layer for layer in found if layer not in FLOAT_LAYERS]

    def errors(self, denylist: Collection[str] = ()) -> list[LayerQuantizationError]:
        """The error of every layer that is not on the denylist, worst first."""
        table = io.StringIO()
        with without_output():
            self._debugger.options = _options(float_outputs(self._operators, denylist))
            self._debugger.run()
            self._debugger.layer_statistics_dump(table)
        table.seek(0)
        layer_of = {op.output: op.layer for op in self._operators}
        lost = {layer_of.get(row["tensor_name"]): row["lost"] for row in csv.DictReader(table)}
        known = [layer for layer in self.layers if layer in lost]
        errors = [LayerQuantizationError(layer, float(lost[layer])) for layer in known]
        return sorted(errors, key=lambda error: -error.lost)

    def with_consumers(self, layer: str) -> list[str]:
        """The layer and those that take its output, in order of execution."""
        outputs = {op.output for op in self._operators if op.layer == layer}
        found = {op.layer for op in self._operators if op.layer == layer or outputs & {*op.inputs}}
        return [name for name in self.layers if name in found]

    def quantized(self, denylist: Collection[str]) -> bytes:
        """The flatbuffer whose layers on the denylist stay float.

        Raises:
            SettingError: there is no such layer; the message names similar ones.
            EdgetlError: the quantizer failed.
        """
        for name in denylist:
            if name not in self.layers:
                like = difflib.get_close_matches(name, self.layers, n=3) or self.layers[:3]
                raise SettingError(
                    f"--keep-float {name!r} is not a layer; there are {', '.join(like)}"
                )
        # Not through the debugger, which would also build its own model for each choice.
        ranges = self._debugger.calibrated_model
        return quantized(ranges, self._operators, denylist, self._input_type)


def quantize_with_denylist(
    trained: TrainedModel, calibration: Pixels, input_type: InputType, denylist: Sequence[str]
) -> QuantizedModel:
    """Quantize a saved model but for the layers of `denylist`; for a subprocess.

    Raises:
        SettingError: there is no such layer.
        EdgetlError: the quantizer failed.
    """
    int8 = Int8Model(export_graph(*trained.load()), calibration, input_type)
    return QuantizedModel(int8.quantized(denylist), tuple(denylist), tuple(int8.errors(denylist)))


def quantize_to_criteria(
    trained: TrainedModel,
    calibration: Pixels,
    input_type: InputType,
    criteria: AcceptanceCriteria,
) -> QuantizedModel:
    """Quantize a saved model with the smallest denylist that meets the criteria; for a subprocess.

    See `smallest_denylist`. Where none meets them, the denylist is empty.

    Raises:
        EdgetlError: the quantizer failed.
    """
    int8 = Int8Model(export_graph(*trained.load()), calibration, input_type)
    errors = int8.errors()

    def accepted(denylist: Collection[str]) -> bool:
        return _accuracy(int8.quantized(denylist), criteria) >= criteria.accuracy

    found = smallest_denylist([int8.with_consumers(error.layer) for error in errors], accepted)
    denylist = [name for name in int8.layers if found and name in found]
    flatbuffer = int8.quantized(denylist)
    return QuantizedModel(flatbuffer, tuple(denylist), tuple(errors), found is not None)


def smallest_denylist(
    ranked: Sequence[Collection[str]],
    accepted: Callable[[Collection[str]], bool],
    *,
    seconds: float = SEARCH_SECONDS,
) -> set[str] | None:
    """The smallest set of layers to leave in float for a model to be accepted, within `seconds`.

    It takes whole groups from the front of `ranked`, twice as many each time until they suffice,
    then bisects, then removes each layer that turns out not to be needed. `ranked` are groups of
    layers that only help together, the worst first. None where no set that was tried suffices.
    """
    until = time.monotonic() + seconds

    def first(groups: int) -> set[str]:
        return set().union(*ranked[:groups])

    if accepted(first(0)):
        return set()
    too_few, tried = 0, 1
    while not accepted(first(tried)):
        if tried == len(ranked) or time.monotonic() > until:
            return None
        too_few, tried = tried, min(2 * tried, len(ranked))
    while tried - too_few > 1 and time.monotonic() < until:
        middle = (too_few + tried) // 2
        too_few, tried = (too_few, middle) if accepted(first(middle)) else (middle, tried)
    found = first(tried)
    # Those with the smallest error first.
    for layer in [name for group in reversed(ranked[:tried]) for name in group]:
        if layer in found and time.monotonic() < until and accepted(found - {layer}):
            found -= {layer}
    return found


def _options(denylist: Sequence[str]) -> Any:
    return tf.lite.experimental.QuantizationDebugOptions(
        denylisted_nodes=denylist, layer_direct_compare_metrics={"lost": _lost}
    )


def _lost(
    expected: npt.NDArray[Any], stored: npt.NDArray[Any], scale: float, zero_point: int
) -> float:
    dequantized = (stored.astype(np.float64) - zero_point) * scale
    channels = expected.reshape(-1, expected.shape[-1]).astype(np.float64)
    noise = ((channels - dequantized.reshape(channels.shape)) ** 2).mean(axis=0)
    signal = channels.var(axis=0)
    # A constant channel, of a dead unit for example, has nothing to lose.
    varies = signal > 1e-12
    noise, signal = noise[varies], signal[varies]
    return float((noise / (noise + signal)).mean()) if varies.any() else 0.0


def _accuracy(flatbuffer: bytes, criteria: AcceptanceCriteria) -> float:
    try:
        found = probabilities_of(flatbuffer, criteria.pixels, criteria.rows)
    except (ValueError, RuntimeError) as error:
        words = f"LiteRT cannot run the model with these layers in float ({error})"
        raise EdgetlError(words) from error
    return metrics.accuracy(found, criteria.targets)
