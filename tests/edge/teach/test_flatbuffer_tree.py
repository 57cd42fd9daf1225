"""A flatbuffer read as a tree and written again."""

from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.model.flatbuffer_tree import Node, read_tree, table, write_tree
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.runtime import choose_runtime, installed_runtimes
from edgetl.edge.model.tflite_metadata import Description, packed_metadata
from edgetl.edge.model.verify.flatbuffer import check_flatbuffer
from edgetl.edge.model.verify.schema import KINDS, METADATA_IDENTIFIER, MODEL_IDENTIFIER, Table
from edgetl.edge.model.verify.tflite import check_tflite
from edgetl.trainer.exporting.subprocess_call import call_in_subprocess


def flatbuffer_of(model: ModelFile) -> bytes:
    return model.content[: model.model_bytes]


def outputs(flatbuffers: list[bytes], runtime: str) -> list[np.ndarray]:
    """What each gives for the same noise."""
    found = []
    for content in flatbuffers:
        interpreter = choose_runtime(runtime).interpreter(content, threads=1)
        (given,), (output,) = interpreter.get_input_details(), interpreter.get_output_details()
        noise = np.random.default_rng(0).integers(0, 256, given["shape"]).astype(given["dtype"])
        interpreter.set_tensor(given["index"], noise)
        interpreter.invoke()
        found.append(interpreter.get_tensor(output["index"]))
    return found


@pytest.mark.parametrize("runtime", [runtime.name for runtime in installed_runtimes()])
def test_what_is_written_again_gives_the_same_to_the_bit(
    float_model: Path, int8_model: Path, runtime: str
) -> None:
    for path in (float_model, int8_model):
        before = flatbuffer_of(read_model_file(path))
        after = write_tree(read_tree(before, "Model"), MODEL_IDENTIFIER)
        check_tflite(after)
        assert abs(len(after) - len(before)) < 5000
        # tflite-runtime does not load beside TensorFlow.
        first, second = call_in_subprocess(outputs, [before, after], runtime)
        np.testing.assert_array_equal(first, second)


def test_it_is_read_as_it_was_written(third_party_models: Path) -> None:
    for path in sorted(third_party_models.glob("*.tflite")):
        content = path.read_bytes()
        once = write_tree(read_tree(content, "Model"), MODEL_IDENTIFIER)
        assert write_tree(read_tree(once, "Model"), MODEL_IDENTIFIER) == once
        old, new = (Table.root("Model", data) for data in (content, once))
        for before, after in zip(old.children("buffers"), new.children("buffers"), strict=True):
            np.testing.assert_array_equal(after.numbers("data"), before.numbers("data"))
            if data := after.numbers("data").tobytes():
                assert len(data) < 16 or once.index(data) % 16 == 0


def test_fields_are_changed_and_added() -> None:
    entries = [table("AssociatedFile", {"name": b"labels.txt", "type": 2})]
    root = table("ModelMetadata", {"name": b"before", "associated_files": entries})
    root["name"], root["version"] = b"after", b"7"
    entries[0]["description"] = b"one a line"
    content = write_tree(root, METADATA_IDENTIFIER)
    check_flatbuffer(content, KINDS, root="ModelMetadata")
    found = Table.root("ModelMetadata", content)
    assert (found.string("name"), found.string("version")) == ("after", "7")
    (file,) = found.children("associated_files")
    assert (file.number("type"), file.string("description")) == (2, "one a line")


def test_numbers_are_aligned_where_the_old_ones_were_not() -> None:
    """Of a table whose position is 4 modulo 8, a new number of 8 bytes is where readers look."""
    node = Node("Buffer", residue=4)
    node["offset"] = 1 << 40
    node["size"] = 3
    root = table("Model", {"version": 3, "buffers": [node, table("Buffer", {"size": 5})]})
    content = write_tree(root, MODEL_IDENTIFIER)
    check_flatbuffer(content, KINDS, root="Model")
    first, second = Table.root("Model", content).children("buffers")
    assert (first.number("offset"), first.number("size"), second.number("size")) == (1 << 40, 3, 5)
    position = first.field_position("offset")
    assert position is not None
    assert position % 8 == 0


def test_a_field_that_may_be_an_offset_is_not_copied_as_a_number() -> None:
    metadata = packed_metadata(Description("frogs", "frogs", "me", "7"))
    with pytest.raises(ValueError, match="table TensorMetadata may be an offset or a number"):
        read_tree(metadata, "ModelMetadata")
    model = table("Model", {"version": 3})
    model.fields += [0] * (len(KINDS["Model"]) - len(model.fields)) + [len(model.inline)]
    model.inline += b"newer"[:4]
    with pytest.raises(ValueError, match="field 10 of a table Model"):
        read_tree(write_tree(model, MODEL_IDENTIFIER), "Model")


def test_what_two_tables_share_stays_one(third_party_models: Path) -> None:
    content = (third_party_models / "float32.tflite").read_bytes()
    root = read_tree(content, "Model")
    (data,) = (one["data"] for one in root["buffers"][2:3])
    shared = np.frombuffer(bytes(range(256)) * 400, np.uint8)
    root["buffers"] = [
        *root["buffers"],
        table("Buffer", {"data": shared}),
        table("Buffer", {"data": shared}),
    ]
    written = write_tree(root, MODEL_IDENTIFIER)
    assert len(written) < len(content) + 1.1 * len(shared)
    found = Table.root("Model", written).children("buffers")
    np.testing.assert_array_equal(found[-1].numbers("data"), shared)
    np.testing.assert_array_equal(found[2].numbers("data"), data)
