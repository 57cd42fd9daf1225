"""The average pooling and the dense layer that a classifier ends in, read from its graph."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.model.verify.graph import operator_code
from edgetl.edge.model.verify.schema import Table

# Of enum BuiltinOperator: AVERAGE_POOL_2D, MEAN; CONV_2D, FULLY_CONNECTED; DEQUANTIZE
_POOLS = {1, 40}
_DENSE = {3, 9}
_DEQUANTIZE = 6
# RESHAPE, SQUEEZE, QUANTIZE, DEQUANTIZE: what they give stands for the values they take.
_SAME_VALUES = {22, 43, 114, _DEQUANTIZE}
# Of enum TensorType: those that weights and biases have.
_DTYPES: dict[int, type[np.generic]] = {
    0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 9: np.int8,
}  # fmt: skip


@dataclass(frozen=True)
class StoredTensor:
    """A tensor by its index: real value = scale * (stored value - zero_point).

    Where it is float the scale is 0, and the values are the real ones.
    """

    index: int
    scale: float
    zero_point: int

    def real(self, stored: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """The real values of its values, float32 of the same shape."""
        values: npt.NDArray[np.float32] = stored.astype(np.float32)
        if not self.scale:
            return values
        return np.asarray((values - self.zero_point) * self.scale, np.float32)


@dataclass(frozen=True)
class DenseHead:
    """What a classifier ends in: logits are the pooled features times the weights, plus the bias.

    Attributes:
        features: the tensor that is pooled, [1, h, w, channels].
        pooled: what it is pooled to, the mean over places: as many values as channels.
        weights: of the dense layer, float32 [classes, channels], in labels order; a last label
            "unknown" may have none.
        bias: float32 [classes].
    """

    features: StoredTensor
    pooled: StoredTensor
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]


def dense_head(model: ModelFile) -> DenseHead | None:
    """The end of a classifier; None where it is not average pooling and one dense layer."""
    data = memoryview(model.content)[: model.model_bytes]
    root = Table.root("Model", data)
    graph = root.children("subgraphs")[0]
    tensors, operators = graph.children("tensors"), _operators(root, graph)
    pools = [
        operator
        for operator in operators
        if operator.code in _POOLS and _pools_all(tensors, operator)
    ]
    if not pools:
        return None
    pool = pools[-1]
    dense = _dense(root, tensors, operators, pool.output, model.labels)
    if dense is None or dense[0].shape[1] != tensors[pool.inputs[0]].numbers("shape")[-1]:
        return None
    features, pooled = (_stored(tensors, index) for index in (pool.inputs[0], pool.output))
    return DenseHead(features, pooled, *dense)


def with_output(model: ModelFile, tensor: int) -> bytes:
    """The model's flatbuffer with one more output, behind its own: the tensor of that index.

    The table of the graph is pointed at a new list of outputs, which is put at the end; nothing
    else changes.
    """
    flatbuffer = bytearray(memoryview(model.content)[: model.model_bytes])
    graph = Table.root("Model", bytes(flatbuffer)).children("subgraphs")[0]
    outputs = [*graph.numbers("outputs").tolist(), tensor]
    position = graph.field_position("outputs")
    assert position is not None
    flatbuffer += bytes(-len(flatbuffer) % 4)
    end = len(flatbuffer)
    flatbuffer += struct.pack(f"<I{len(outputs)}i", len(outputs), *outputs)
    struct.pack_into("<I", flatbuffer, position, end - position)
    return bytes(flatbuffer)


@dataclass(frozen=True)
class _Operator:
    code: int
    inputs: tuple[int, ...]
    output: int


def _operators(root: Table, graph: Table) -> list[_Operator]:
    codes = root.children("operator_codes")
    return [
        _Operator(
            operator_code(operator, codes),
            tuple(operator.numbers("inputs").tolist()),
            int(operator.numbers("outputs")[0]),
        )
        for operator in graph.children("operators")
        if len(operator.numbers("inputs")) and len(operator.numbers("outputs"))
    ]


def _pools_all(tensors: Sequence[Table], operator: _Operator) -> bool:
    """Whether it makes one value of each channel: [1, h, w, channels] to as many as channels."""
    before = tensors[operator.inputs[0]].numbers("shape")
    after = tensors[operator.output].numbers("shape")
    return len(before) == 4 and before[0] == 1 and int(np.prod(after)) == before[-1] == after[-1]


def _dense(
    root: Table,
    tensors: Sequence[Table],
    operators: list[_Operator],
    pooled: int,
    labels: tuple[str, ...],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]] | None:
    """Weights and bias of the first dense layer that reads what was pooled, if it gives classes."""
    classes = {len(labels), len(labels) - (labels[-1] == UNKNOWN)}
    for dense in _reading(operators, pooled):
        found = _constant(root, tensors, operators, dense.inputs[1])
        if found is None:
            continue
        rows = found.reshape(-1, found.shape[-1])
        biased = len(dense.inputs) > 2 and dense.inputs[2] >= 0
        added = _constant(root, tensors, operators, dense.inputs[2]) if biased else None
        bias = np.zeros(len(rows), np.float32) if added is None else added.reshape(-1)
        if rows.shape[0] == 1 and 2 in classes:
            # One logit tells two classes apart; half of it speaks against the first.
            rows, bias = (np.concatenate([-one, one]) / 2 for one in (rows, bias))
        if rows.shape[0] in classes and len(bias) == len(rows):
            return np.asarray(rows, np.float32), np.asarray(bias, np.float32)
    return None


def _reading(operators: list[_Operator], pooled: int) -> Iterator[_Operator]:
    same = {pooled}
    for operator in operators:
        if operator.inputs[0] not in same:
            continue
        if operator.code in _SAME_VALUES:
            same.add(operator.output)
        elif operator.code in _DENSE and len(operator.inputs) > 1:
            yield operator


def _constant(
    root: Table, tensors: Sequence[Table], operators: list[_Operator], index: int
) -> npt.NDArray[np.float32] | None:
    """The real values of a tensor that is stored in the file, of any type; None if it is not."""
    tensor = tensors[index]
    stored = root.children("buffers")[tensor.number("buffer")].numbers("data")
    if not len(stored):
        # Weights in float16 are converted by an operator of their own.
        for operator in operators:
            if operator.output == index and operator.code == _DEQUANTIZE:
                return _constant(root, tensors, operators, operator.inputs[0])
        return None
    dtype = _DTYPES.get(tensor.number("type"))
    if dtype is None:
        return None
    values = stored.view(dtype).reshape(tensor.numbers("shape")).astype(np.float32)
    scale, zero_point = _steps(tensor)
    if not len(scale):
        return values
    # One scale for all, or one for each row.
    across = (-1, *[1] * (values.ndim - 1))
    real = (values - zero_point.reshape(across)) * scale.reshape(across)
    return np.asarray(real, np.float32)


def _stored(tensors: Sequence[Table], index: int) -> StoredTensor:
    scale, zero_point = _steps(tensors[index])
    return StoredTensor(
        index,
        float(scale[0]) if len(scale) else 0.0,
        int(zero_point[0]) if len(zero_point) else 0,
    )


def _steps(tensor: Table) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    quantization = tensor.child("quantization")
    if quantization is None:
        return np.empty(0), np.empty(0)
    return quantization.numbers("scale"), quantization.numbers("zero_point")
