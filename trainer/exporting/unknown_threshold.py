"""The threshold of "unknown" in an int8 file, whose features are rounded.

Rounding moves features away from the classes, by a distance that hardly depends on the picture. The
threshold is moved by what known photos show, so that as many of them pass as in Keras.
"""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.lite.tools import flatbuffer_utils

from edgetl.edge.errors import EdgetlError
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.model.runtime import choose_runtime, default_threads

# More photos would show nothing else.
_MEASURED = 100
# Of the known photos, this share moves by no more than the threshold does.
_PASSING = 0.95
_SMALLEST = 1e-38


@dataclass(frozen=True)
class KnownPhotos:
    """Photos of the classes, and what Keras gives for them.

    Attributes:
        pixels: uint8 [pictures, height, width, 3].
        log_odds: of "unknown", float64 [pictures].
        offset: the number in the model that the threshold is part of.
    """

    pixels: Pixels
    log_odds: npt.NDArray[np.float64]
    offset: float


def known_photos(graph: keras.Model, pixels: Pixels) -> KnownPhotos | None:
    """Some of the photos; None for a model without "unknown".

    Args:
        graph: what `export_graph` made.
        pixels: training photos, uint8 [pictures, height, width, 3].
    """
    if "unknown" not in {layer.name for layer in graph.layers}:
        return None
    some = pixels[:_MEASURED]
    call = tf.function(lambda image: graph(image, training=False))
    answers = [call(tf.constant(one[np.newaxis], tf.float32)).numpy()[0] for one in some]
    return KnownPhotos(some, _log_odds(np.array(answers)), graph.get_layer("unknown").offset)


def with_moved_threshold(flatbuffer: bytes, known: KnownPhotos) -> bytes:
    """The int8 flatbuffer whose "unknown" lets as many of the known photos pass as Keras does.

    Raises:
        EdgetlError: LiteRT cannot run it, or the offset is not found in it.
    """
    moved = _log_odds(_answers(flatbuffer, known.pixels)) - known.log_odds
    shift = max(0.0, float(np.quantile(moved, _PASSING)))
    return _with_number(flatbuffer, known.offset, known.offset - shift) if shift else flatbuffer


def _log_odds(answers: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    unknown = answers[:, -1].astype(np.float64)
    known = answers[:, :-1].astype(np.float64).sum(axis=1)
    found: npt.NDArray[np.float64] = np.log(np.maximum(unknown, _SMALLEST)) - np.log(
        np.maximum(known, _SMALLEST)
    )
    return found


def _answers(flatbuffer: bytes, pixels: Pixels) -> npt.NDArray[np.float32]:
    interpreter = choose_runtime().interpreter(flatbuffer, threads=default_threads())
    (model_input,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for picture in pixels:
        interpreter.set_tensor(
            model_input["index"], picture[np.newaxis].astype(model_input["dtype"])
        )
        interpreter.invoke()
        answers.append(interpreter.get_tensor(output["index"])[0])
    return np.array(answers, np.float32)


def _with_number(flatbuffer: bytes, old: float, new: float) -> bytes:
    """The flatbuffer with another number in place of the constant that has the value `old`."""
    model: Any = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))
    stored = np.float32(old).tobytes()
    found = {
        tensor.buffer
        for tensor in model.subgraphs[0].tensors
        if (data := model.buffers[tensor.buffer].data) is not None and bytes(data) == stored
    }
    if len(found) != 1:
        raise EdgetlError(
            'the threshold of "unknown" is not in the converted model as it should be; please '
            "report this, and export with: edgetl export --unknown off"
        )
    model.buffers[found.pop()].data = np.frombuffer(np.float32(new).tobytes(), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
