"""What the check of a flatbuffer accepts and refuses, field by field."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest

from edgetl.edge.model.verify.flatbuffer import MAX_TABLES, check_flatbuffer
from edgetl.edge.model.verify.graph import output_values
from edgetl.edge.model.verify.schema import Table
from edgetl.edge.model.verify.tflite import check_tflite


def changed(model: Path, change: Callable[[Any], None]) -> bytes:
    """The model after `change` of it as an object of TensorFlow's own schema code."""
    from tensorflow.lite.tools import flatbuffer_utils as tools

    content = tools.convert_bytearray_to_object(bytearray(model.read_bytes()))
    change(content)
    return bytes(tools.convert_object_to_bytearray(content))


def test_every_converted_model_passes(third_party_models: Path) -> None:
    for path in third_party_models.glob("*.tflite"):
        check_tflite(path.read_bytes())


@pytest.mark.parametrize("kind", ["float32", "int8"])
def test_an_export_passes(two_class_run: Path, kind: str) -> None:
    check_tflite((two_class_run / "exports" / f"model.{kind}.tflite").read_bytes())


@pytest.mark.parametrize("keep", [0, 3, 4, 8, 20, 100, 0.5, 0.9, 0.99])
def test_a_cut_off_model_is_found(third_party_models: Path, keep: float) -> None:
    content = (third_party_models / "uint8.tflite").read_bytes()
    length = keep if isinstance(keep, int) else int(len(content) * keep)
    with pytest.raises(ValueError, match=r"\d"):
        check_tflite(content[:length])


def graph(model: Any) -> Any:
    return model.subgraphs[0]


def weights(model: Any) -> Any:
    """The convolution's constant, of four dimensions."""
    return max(graph(model).tensors, key=lambda t: len(t.shape) * bool(_held(model, t)))


def _held(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def set_shape(shape: list[int]) -> Callable[[Any], None]:
    return lambda model: setattr(graph(model).tensors[graph(model).inputs[0]], "shape", shape)


DAMAGES: dict[str, tuple[Callable[[Any], None], str]] = {
    "code": (lambda m: setattr(graph(m).operators[0], "opcodeIndex", 99), "code of an operator"),
    "input": (lambda m: setattr(graph(m).operators[1], "inputs", [99]), "before they are written"),
    "other input": (
        lambda m: setattr(graph(m).operators[1], "inputs", [-2]),
        "before they are written",
    ),
    "output": (lambda m: setattr(graph(m).operators[1], "outputs", [99]), "output of an operator"),
    "no output": (
        lambda m: setattr(graph(m).operators[1], "outputs", [-1]),
        "output of an operator",
    ),
    "scratch": (
        lambda m: setattr(graph(m).operators[1], "intermediates", [99]),
        "scratch tensor",
    ),
    "graph input": (lambda m: setattr(graph(m), "inputs", [99]), "input of the graph"),
    "graph output": (lambda m: setattr(graph(m), "outputs", [-1]), "output of the graph"),
    "order": (lambda m: graph(m).operators.reverse(), "before they are written"),
    "missing operator": (lambda m: graph(m).operators.pop(), "never written"),
    "writes a constant": (
        lambda m: setattr(graph(m).operators[-1], "outputs", [graph(m).tensors.index(weights(m))]),
        "of which some are given",
    ),
    "writes twice": (lambda m: graph(m).operators.append(graph(m).operators[-1]), "some are given"),
    "buffer": (lambda m: setattr(weights(m), "buffer", 99), "buffer of a tensor"),
    "constant's shape": (lambda m: setattr(weights(m), "shape", [3, 1, 1, 4]), "has a buffer of"),
    "constant's type": (lambda m: setattr(weights(m), "type", 4), "has a buffer of"),
    "negative shape": (set_shape([1, -16, 16, 3]), "a tensor of shape"),
    "huge": (set_shape([1, 2**20, 2**20, 3]), "a tensor of 3298534883328 bytes"),
    "rank": (set_shape([1] * 9), "a tensor of shape"),
    "signature": (
        lambda m: setattr(graph(m).tensors[0], "shapeSignature", [-1, 2]),
        "has the signature",
    ),
    "scales": (
        lambda m: setattr(weights(m).quantization, "scale", [0.5] * 7),
        "7 scales",
    ),
    "zero points": (
        lambda m: setattr(weights(m).quantization, "zeroPoint", [0] * 2),
        "2 zero points",
    ),
    "quantized dimension": (
        lambda m: setattr(weights(m).quantization, "quantizedDimension", 7),
        "quantized dimension",
    ),
    "metadata": (lambda m: setattr(m.metadata[0], "buffer", 99), "buffer of metadata"),
    "signature's graph": (
        lambda m: setattr(m.signatureDefs[0], "subgraphIndex", 9),
        "graph of a signature",
    ),
    "signature's tensor": (
        lambda m: setattr(m.signatureDefs[0].inputs[0], "tensorIndex", 99),
        "tensor of a signature",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_does_not_fit_is_found(third_party_models: Path, name: str) -> None:
    change, words = DAMAGES[name]
    model = third_party_models / "int8.tflite"

    def with_a_signature(content: Any) -> None:
        from tensorflow.lite.python import schema_py_generated as tflite

        if not content.signatureDefs:
            signature, named = tflite.SignatureDefT(), tflite.TensorMapT()
            named.name, named.tensorIndex = b"x", graph(content).inputs[0]
            signature.inputs, signature.outputs = [named], []
            signature.signatureKey, signature.subgraphIndex = b"serving", 0
            content.signatureDefs = [signature]
        change(content)

    check_tflite(changed(model, lambda content: None))
    with pytest.raises(ValueError, match=words):
        check_tflite(changed(model, with_a_signature))


def test_an_optional_input_and_a_variable_tensor_are_in_order(third_party_models: Path) -> None:
    def change(content: Any) -> None:
        from tensorflow.lite.python import schema_py_generated as tflite

        variable = tflite.TensorT()
        variable.shape, variable.name, variable.isVariable = [1], b"state", True
        graph(content).tensors.append(variable)
        last = len(graph(content).tensors) - 1
        operator = graph(content).operators[-1]
        operator.inputs = [*operator.inputs, -1, last]

    check_tflite(changed(third_party_models / "int8.tflite", change))


def table_of(builder: Any, vector: int) -> int:
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    return int(builder.EndObject())


def with_text(numbers: int) -> tuple[bytearray, int]:
    """A flatbuffer of a table with a string and some numbers, and where the string begins."""
    builder = flatbuffers.Builder(64)
    text = builder.CreateString("a" * 40)
    builder.StartObject(1 + numbers)
    builder.PrependUOffsetTRelativeSlot(0, text, 0)
    for number in range(numbers):
        builder.PrependInt32Slot(1 + number, 9, 0)
    builder.Finish(builder.EndObject())
    content = bytearray(builder.Output())
    return content, content.index(b"a" * 40)


def test_a_string_without_an_end_is_found() -> None:
    content, start = with_text(0)
    check_flatbuffer(bytes(content), {"Root": ["string"]}, root="Root")
    content[start + 40] = 7
    with pytest.raises(ValueError, match="does not end"):
        check_flatbuffer(bytes(content), {"Root": ["string"]}, root="Root")


def test_numbers_at_odd_places_are_found() -> None:
    odd = []
    for numbers in range(4):
        content, start = with_text(numbers)
        content[start - 4] = 2
        odd.append(start % 8 != 0)
        if odd[-1]:
            with pytest.raises(ValueError, match="misaligned"):
                check_flatbuffer(bytes(content), {"Root": ["[long]"]}, root="Root")
        else:
            check_flatbuffer(bytes(content), {"Root": ["[long]"]}, root="Root")
    assert set(odd) == {False, True}


def vector_of(builder: Any, tables: list[int]) -> int:
    builder.StartVector(4, len(tables), 4)
    for table in tables:
        builder.PrependUOffsetTRelative(table)
    return int(builder.EndVector())


def test_tables_that_share_one_long_vector_cannot_keep_us_busy() -> None:
    builder = flatbuffers.Builder(2**20)
    long = builder.CreateNumpyVector(np.zeros(20_000, np.int32))
    tables = vector_of(builder, [table_of(builder, long) for _ in range(5000)])
    builder.Finish(table_of(builder, tables))
    with pytest.raises(ValueError, match="used too often"):
        check_flatbuffer(
            bytes(builder.Output()), {"Root": ["[Part]"], "Part": ["[int]"]}, root="Root"
        )


def test_tables_in_tables_are_each_looked_at_once() -> None:
    builder = flatbuffers.Builder(2**16)
    kinds: dict[str, list[str]] = {"0": []}
    table = table_of(builder, vector_of(builder, []))
    # Followed path by path, these would be 100 ** 12 tables.
    for height in range(12):
        table = table_of(builder, vector_of(builder, [table] * 100))
        kinds[str(height + 1)] = [f"[{height}]"]
    builder.Finish(table)
    check_flatbuffer(bytes(builder.Output()), kinds, root="12")


def test_too_many_tables_are_refused() -> None:
    builder = flatbuffers.Builder(2**22)
    table = table_of(builder, vector_of(builder, []))
    builder.Finish(table_of(builder, vector_of(builder, [table] * (MAX_TABLES + 1))))
    with pytest.raises(ValueError, match=f"more than {MAX_TABLES}"):
        check_flatbuffer(bytes(builder.Output()), {"Root": ["[Part]"], "Part": []}, root="Root")


def test_a_table_before_the_file_is_found() -> None:
    builder = flatbuffers.Builder(64)
    builder.Finish(table_of(builder, table_of(builder, vector_of(builder, []))))
    content = bytearray(builder.Output())
    check_flatbuffer(
        bytes(content), {"Root": ["Part"], "Part": ["[Leaf]"], "Leaf": []}, root="Root"
    )
    root = int.from_bytes(content[:4], "little")
    content[root : root + 4] = (2**31 - 1).to_bytes(4, "little")
    with pytest.raises(ValueError, match="vtable"):
        check_flatbuffer(bytes(content), {"Root": []}, root="Root")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("float32", "probabilities"),
        ("uint8", "probabilities"),
        ("imagenet", "probabilities"),
        ("float32-sigmoid", "probabilities"),
        ("float32-logits", "logits"),
        ("int8-logits", "logits"),
    ],
)
def test_the_graph_tells_probabilities_from_logits(
    third_party_models: Path, name: str, values: str
) -> None:
    content = (third_party_models / f"{name}.tflite").read_bytes()
    assert output_values(Table.root("Model", content)) == values


def test_a_graph_without_operators_gives_logits(third_party_models: Path) -> None:
    def change(content: Any) -> None:
        graph(content).operators, graph(content).outputs = [], graph(content).inputs

    content = changed(third_party_models / "int8.tflite", change)
    assert output_values(Table.root("Model", content)) == "logits"
