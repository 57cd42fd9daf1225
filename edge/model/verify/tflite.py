"""Whether a native interpreter, which trusts what it reads, can load a .tflite file.

The Python interpreters do not run a verifier of their own, so that a damaged file can end the whole
process. What is checked here holds for every operator; what an operator makes of its own options
and shapes is seen in a subprocess (`edgetl.edge.model.verify.sandbox`).
"""

import math
from collections.abc import Iterable, Sequence

from edgetl.edge.model.verify.flatbuffer import check_flatbuffer
from edgetl.edge.model.verify.schema import BITS, KINDS, Table

# Kernels count on few dimensions; a network for pictures has five at most.
_MAX_RANK = 8
_MAX_TENSOR_BYTES = 2**31


def check_tflite(flatbuffer: bytes) -> None:
    """Check a TFLite flatbuffer: its structure, and that every index and size in it fits.

    Raises:
        ValueError: it is damaged; the message says where.
    """
    check_flatbuffer(flatbuffer, KINDS, root="Model")
    model = Table.root("Model", flatbuffer)
    constants = [_buffer_bytes(buffer, len(flatbuffer)) for buffer in model.children("buffers")]
    operator_codes = len(model.children("operator_codes"))
    tensors = [
        _check_subgraph(subgraph, constants, operator_codes, len(flatbuffer))
        for subgraph in model.children("subgraphs")
    ]
    for entry in model.children("metadata"):
        buffer = entry.number("buffer")
        _check_indexes("buffer of metadata", [buffer], len(constants))
    for signature in model.children("signature_defs"):
        graph = signature.number("subgraph_index")
        _check_indexes("graph of a signature", [graph], len(tensors))
        for field in ("inputs", "outputs"):
            indexes = [named.number("tensor_index") for named in signature.children(field)]
            _check_indexes("tensor of a signature", indexes, tensors[graph])


def _buffer_bytes(buffer: Table, size: int) -> int:
    """How many bytes a buffer holds, in the flatbuffer or, for very large models, behind it."""
    inside = len(buffer.numbers("data"))
    offset = buffer.number("offset")
    outside = buffer.number("size")
    # 0 and 1 both stand for no offset.
    if offset > 1:
        if offset + outside > size:
            raise ValueError("a buffer runs past the end")
        return outside
    return inside


def _check_subgraph(
    subgraph: Table, constants: Sequence[int], operator_codes: int, size: int
) -> int:
    """Check a graph and its tensors; how many tensors it has."""
    tensors = subgraph.children("tensors")
    # What can be read without an operator having written it, and what no operator may write.
    known: set[int] = {-1}
    fixed: set[int] = set()
    for index, tensor in enumerate(tensors):
        held = _check_tensor(tensor, constants)
        if held or tensor.number("is_variable"):
            known.add(index)
        if held:
            fixed.add(index)
    inputs = subgraph.numbers("inputs").tolist()
    outputs = subgraph.numbers("outputs").tolist()
    _check_indexes("input of the graph", inputs, len(tensors))
    _check_indexes("output of the graph", outputs, len(tensors))
    known |= set(inputs)
    fixed |= set(inputs)
    for operator in subgraph.children("operators"):
        code = operator.number("opcode_index")
        _check_indexes("code of an operator", [code], operator_codes)
        start = operator.number("large_custom_options_offset")
        if start + operator.number("large_custom_options_size") > size:
            raise ValueError("an operator's options run past the end")
        reads = operator.numbers("inputs").tolist()
        scratch = operator.numbers("intermediates").tolist()
        writes = operator.numbers("outputs").tolist()
        _check_indexes("scratch tensor of an operator", scratch, len(tensors), optional=True)
        _check_indexes("output of an operator", writes, len(tensors))
        if not known.issuperset(reads):
            raise ValueError(f"an operator reads tensors {reads} before they are written")
        if not fixed.isdisjoint(writes):
            raise ValueError(f"an operator writes tensors {writes}, of which some are given")
        known.update(writes)
        fixed.update(writes)
    if not known.issuperset(outputs):
        raise ValueError("an output of the graph is never written")
    return len(tensors)


def _check_tensor(tensor: Table, constants: Sequence[int]) -> bool:
    """Check a tensor's own fields; whether its values are in the file."""
    shape = tensor.numbers("shape").tolist()
    signature = tensor.numbers("shape_signature").tolist()
    if len(shape) > _MAX_RANK or min(shape, default=0) < 0:
        raise ValueError(f"a tensor of shape {shape}")
    if signature and (len(signature) != len(shape) or min(signature) < -1):
        raise ValueError(f"a tensor of shape {shape} has the signature {signature}")
    buffer = tensor.number("buffer")
    _check_indexes("buffer of a tensor", [buffer], len(constants))
    _check_quantization(tensor.child("quantization"), shape)
    values = math.prod(shape)
    bits = BITS.get(tensor.number("type"))
    if bits is None:
        return constants[buffer] > 0
    size = (values * bits + 7) // 8
    if size > _MAX_TENSOR_BYTES:
        raise ValueError(f"a tensor of {size} bytes")
    sparse = tensor.child("sparsity") is not None
    if constants[buffer] and constants[buffer] != size and not sparse:
        raise ValueError(f"a tensor of {size} bytes has a buffer of {constants[buffer]}")
    return constants[buffer] > 0 or not values


def _check_quantization(quantization: Table | None, shape: Sequence[int]) -> None:
    if quantization is None:
        return
    scales = len(quantization.numbers("scale"))
    zeros = len(quantization.numbers("zero_point"))
    if zeros not in (0, 1, scales):
        raise ValueError(f"{scales} scales with {zeros} zero points")
    if scales > 1:
        dimension = quantization.number("dimension")
        _check_indexes("quantized dimension", [dimension], len(shape))
        if shape[dimension] != scales:
            raise ValueError(f"{scales} scales along dimension {dimension} of {list(shape)}")


def _check_indexes(
    what: str, indexes: Iterable[int], count: int, *, optional: bool = False
) -> None:
    lowest = -1 if optional else 0
    for index in indexes:
        if not lowest <= index < count:
            raise ValueError(f"{what} is number {index} of {count}")
