"""A model's file with another head: what followed its pooled features is cut off and written anew.

All of the new end computes in float32, in int8 files too, as their "unknown" and softmax do: it is
a thousandth of the work, its numbers need no ranges, and it gives what NumPy gives. The network up
to the pooled features is kept as it is.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgetl.edge.explain.dense_head import StoredTensor
from edgetl.edge.model.class_distance import UnknownWeights
from edgetl.edge.model.flatbuffer_tree import Node, read_tree, table, write_tree
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.tflite_metadata import Description, packed_metadata
from edgetl.edge.model.verify import schema
from edgetl.edge.teach.cutting import cut_behind
from edgetl.edge.teach.head import Head

# enum BuiltinOperator of schema.fbs, with what enum BuiltinOptions calls its options (0: none).
_OPERATORS = {
    "ABS": (101, 78), "ADD": (0, 11), "DEQUANTIZE": (6, 38), "FULLY_CONNECTED": (9, 8),
    "LOG": (73, 0), "LOGISTIC": (14, 0), "LOG_SOFTMAX": (50, 36), "MAXIMUM": (55, 39),
    "MUL": (18, 21), "REDUCE_MAX": (82, 27), "RESHAPE": (22, 17), "RSQRT": (76, 0),
    "SOFTMAX": (25, 9), "SUB": (41, 28),
}  # fmt: skip
# enum TensorType
_FLOAT32, _INT32 = 0, 2
# int8 came with the second version; all others are float32, which the first one had.
_VERSIONS = {"DEQUANTIZE": 2}
# A logarithm of a probability of 0.
_NEVER = -1e4
_NO_OPTIONS = schema.UNLISTED


def with_head(
    model: ModelFile, pooled: StoredTensor, head: Head, description: Description
) -> bytes:
    """The model's flatbuffer with another head.

    Its metadata names and describes it anew; labels and edgetl.json belong behind it
    (`edgetl.edge.model.associated_files.with_files`).

    Args:
        model: a file that edgetl made.
        pooled: the tensor of its pooled features.
        head: what is to follow them.
        description: of the new model.

    Raises:
        ValueError: the flatbuffer has fields that the schema here does not.
    """
    root = read_tree(memoryview(model.content)[: model.model_bytes], "Model")
    features = cut_behind(root, pooled.index)
    graph = _Graph(root)
    probability = _head(graph, features, head, quantized=bool(pooled.scale))
    graph.finish(probability)
    for signature in root["signature_defs"]:
        for tensor in signature["outputs"]:
            tensor["tensor_index"] = probability
        for tensor in signature["inputs"]:
            tensor["tensor_index"] = int(root["subgraphs"][0]["inputs"][0])
    _describe(root, description)
    return write_tree(root, schema.MODEL_IDENTIFIER)


def _head(graph: "_Graph", features: int, head: Head, *, quantized: bool) -> int:
    """The operators of `Head.probabilities`; the tensor that they give."""
    channels, classes = head.weights.shape[1], len(head.classes)
    if quantized:
        features = graph.add("DEQUANTIZE", (features,), (1, channels))
    shape = graph.constant("shape", np.array([1, channels], np.int32))
    g = graph.add("RESHAPE", (features, shape), (1, channels))
    # First of those that read the features: it is the layer that a class activation map is of.
    logits = graph.dense(g, head.weights, head.bias)
    if head.unknown is None:
        return graph.softmax(logits, classes)
    labels, own = len(head.labels), np.zeros((1, len(head.labels)), np.float32)
    own[0, -1] = 1
    if labels > classes:
        wide = np.eye(labels, classes, dtype=np.float32)
        logits = graph.dense(logits, wide, _NEVER * own[0])
    logarithms = graph.add("LOG_SOFTMAX", (logits,), (1, labels))
    odds = _odds(graph, g, head.unknown)
    # The logarithm of the sum of the odds of "unknown" and of its examples' probability: the larger
    # logarithm, and -log(sigmoid(|difference|)), which no difference takes out of range.
    examples = graph.dense(logarithms, own)
    apart = graph.add("ABS", (graph.add("SUB", (examples, odds), (1, 1)),), (1, 1))
    less = graph.add("LOG", (graph.add("LOGISTIC", (apart,), (1, 1)),), (1, 1))
    most = graph.add("MAXIMUM", (examples, odds), (1, 1))
    both = graph.add("SUB", (most, less), (1, 1))
    at_its_place = graph.dense(both, own.T, _NEVER * (1 - own[0]))
    return graph.softmax(graph.add("MAXIMUM", (logarithms, at_its_place), (1, labels)), labels)


def _odds(graph: "_Graph", g: int, unknown: UnknownWeights) -> int:
    """The logarithm of the odds of "unknown" (`UnknownWeights`), [1, 1]."""
    channels, rank = unknown.projection.shape
    known = len(unknown.constants)
    squares = graph.add("MUL", (g, g), (1, channels))
    total = graph.dense(squares, np.ones((1, channels), np.float32), np.array([1e-12]))
    unit = graph.add("MUL", (g, graph.add("RSQRT", (total,), (1, 1))), (1, channels))
    across = graph.dense(unit, unknown.projection.T)
    squares = graph.add("MUL", (across, across), (1, rank))
    less = graph.dense(squares, np.full((1, rank), -1, np.float32), np.array([unknown.offset]))
    along = graph.dense(unit, unknown.linear.T, -unknown.constants)
    nearest = along
    if known > 1:
        axis = graph.constant("axis", np.array([1], np.int32))
        options = table("ReducerOptions", {"keep_dims": True})
        nearest = graph.add("REDUCE_MAX", (along, axis), (1, 1), options)
    return graph.add("SUB", (less, nearest), (1, 1))


class _Graph:
    """The graph of a model, to which tensors and operators are added."""

    def __init__(self, model: Node) -> None:
        self._model = model
        self._graph = model["subgraphs"][0]
        self._tensors, self._operators = [*self._graph["tensors"]], [*self._graph["operators"]]
        self._buffers, self._codes = [*model["buffers"]], [*model["operator_codes"]]
        self._added: dict[str, int] = {}

    def add(
        self,
        operator: str,
        inputs: Sequence[int],
        shape: Sequence[int],
        options: Node | None = None,
    ) -> int:
        """An operator of these tensors; the tensor that it gives, float32 of that shape."""
        _, kind = _OPERATORS[operator]
        values = {
            "opcode_index": self._code(operator),
            "inputs": np.array(inputs, np.int32),
            "outputs": np.array([output := self._tensor(operator, shape)], np.int32),
        }
        if kind:
            options = options or table(schema.UNIONS["BuiltinOptions"].get(kind, _NO_OPTIONS), {})
            values |= {"builtin_options_type": kind, "builtin_options": options}
        self._operators.append(table("Operator", values))
        return output

    def dense(
        self, features: int, weights: npt.NDArray[np.float32], bias: npt.ArrayLike | None = None
    ) -> int:
        """A dense layer: weights float32 [outputs, inputs], bias [outputs] or none."""
        inputs = [features, self.constant("weights", np.asarray(weights, np.float32))]
        if bias is not None:
            inputs.append(self.constant("bias", np.asarray(bias, np.float32)))
        return self.add("FULLY_CONNECTED", inputs, (1, len(weights)))

    def softmax(self, logits: int, classes: int) -> int:
        """Probabilities of logits, [1, classes]."""
        options = table("SoftmaxOptions", {"beta": 1.0})
        return self.add("SOFTMAX", (logits,), (1, classes), options)

    def constant(self, name: str, values: npt.NDArray[np.float32] | npt.NDArray[np.int32]) -> int:
        """A tensor whose values are in the file, float32 or int32."""
        data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self._buffers.append(table("Buffer", {"data": data}))
        kind = _INT32 if values.dtype == np.int32 else _FLOAT32
        return self._tensor(name, values.shape, kind=kind, buffer=len(self._buffers) - 1)

    def finish(self, output: int) -> None:
        """Put all that was added into the model, with its one output."""
        self._tensors[output]["name"] = b"probability"
        self._graph["tensors"], self._graph["operators"] = self._tensors, self._operators
        self._graph["outputs"] = np.array([output], np.int32)
        self._model["buffers"], self._model["operator_codes"] = self._buffers, self._codes

    def _tensor(
        self, name: str, shape: Sequence[int], *, kind: int = _FLOAT32, buffer: int = 0
    ) -> int:
        values = {
            "shape": np.array(shape, np.int32),
            "type": kind,
            "buffer": buffer,
            "name": f"taught/{name.lower()}{len(self._tensors)}".encode(),
        }
        self._tensors.append(table("Tensor", values))
        return len(self._tensors) - 1

    def _code(self, operator: str) -> int:
        if operator not in self._added:
            number, _ = _OPERATORS[operator]
            values = {
                "deprecated_builtin_code": number,
                "version": _VERSIONS.get(operator, 1),
                "builtin_code": number,
            }
            self._codes.append(table("OperatorCode", values))
            self._added[operator] = len(self._codes) - 1
        return self._added[operator]


def _describe(root: Node, description: Description) -> None:
    for entry in root["metadata"]:
        if entry["name"] != schema.METADATA_NAME.encode():
            continue
        packed = packed_metadata(description)
        root["buffers"][entry["buffer"]]["data"] = np.frombuffer(packed, np.uint8)
