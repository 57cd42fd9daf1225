"""Writing TFLite Metadata into a model, so that MediaPipe Tasks, Android and others can read it.

Schema and packing: https://ai.google.dev/edge/litert/models/metadata. The model's own bytes are
kept as the converter wrote them, alignment of the weights included: a new root table, with longer
lists of buffers and metadata, goes in front of them and points into them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np

from edgetl.edge.model.model_file import LABELS_NAME, MANIFEST_NAME
from edgetl.edge.model.verify import schema
from edgetl.edge.model.verify.schema import KINDS, PLACES

# The alignment that TFLite's schema requires of a buffer's data.
_ALIGNMENT = 16
# The first version of the metadata schema with every field used here.
_MIN_PARSER_VERSION = "1.0.0"


@dataclass(frozen=True)
class Description:
    """The metadata of the model as a whole."""

    name: str
    description: str
    author: str
    version: str


def with_metadata(model: bytes, description: Description) -> bytes:
    """The model with a TFLITE_METADATA entry for one RGB input 0..255 and labelled probabilities.

    And with a signature, "serving_default" from "image" to "probability", if it has none: what
    get_signature_runner() of the interpreters and LiteRT's CompiledModel go by.

    Args:
        model: a TFLite flatbuffer with one image input and one [1, classes] output.
        description: name, description, author and version.
    """
    metadata = _metadata(description)
    padding = -len(model) % _ALIGNMENT
    old = schema.Table.root("Model", model)
    # Builders write from the back to the front and count offsets from the back.
    builder = flatbuffers.Builder(len(model) + len(metadata) + 65536)
    size = len(builder.Bytes)
    builder.Bytes[size - len(model) - padding : size - padding] = model
    builder.head = size - len(model) - padding

    def offset(position: int) -> int:
        return len(model) + padding - position

    buffers = [offset(table.position) for table in old.children("buffers")]
    entries = [offset(table.position) for table in old.children("metadata")]
    buffers.append(_buffer(builder, metadata))
    name = builder.CreateString(schema.METADATA_NAME)
    builder.StartObject(len(KINDS["Metadata"]))
    builder.PrependUOffsetTRelativeSlot(PLACES["Metadata"]["name"], name, 0)
    builder.PrependUint32Slot(PLACES["Metadata"]["buffer"], len(buffers) - 1, 0)
    entries.append(builder.EndObject())
    lists = {"buffers": _vector(builder, buffers), "metadata": _vector(builder, entries)}

    if not old.children("signature_defs"):
        lists["signature_defs"] = _vector(builder, [_signature(builder, old)])

    places = PLACES["Model"]
    builder.StartObject(len(KINDS["Model"]))
    builder.PrependUint32Slot(places["version"], old.number("version"), 0)
    copied = ("operator_codes", "subgraphs", "description", "metadata_buffer", "signature_defs")
    for field in copied:
        target = old.target(field)
        if target is not None and field not in lists:
            builder.PrependUOffsetTRelativeSlot(places[field], offset(target), 0)
    for field, vector in lists.items():
        builder.PrependUOffsetTRelativeSlot(places[field], vector, 0)
    root = builder.EndObject()
    builder.minalign = max(builder.minalign, _ALIGNMENT)
    builder.Finish(root, file_identifier=schema.MODEL_IDENTIFIER)
    return bytes(builder.Output())


@dataclass(frozen=True)
class _Table:
    """A flatbuffer table: its name in the schema, and the values of the fields that are set.

    A value is text, a table, a list of tables, a float for a list of one, or an int for an enum of
    8 bits.
    """

    name: str
    values: Mapping[str, Any]

    def build(self, builder: Any) -> int:
        # Tables are not nested in a flatbuffer: whatever this one refers to comes first.
        offsets = {f: _built(builder, v) for f, v in self.values.items() if not isinstance(v, int)}
        builder.StartObject(len(KINDS[self.name]))
        for field, value in self.values.items():
            place = PLACES[self.name][field]
            if isinstance(value, int):
                builder.PrependUint8Slot(place, value, 0)
            else:
                builder.PrependUOffsetTRelativeSlot(place, offsets[field], 0)
        return int(builder.EndObject())


def _built(builder: Any, value: Any) -> int:
    if isinstance(value, _Table):
        return value.build(builder)
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, list):
        return _vector(builder, [table.build(builder) for table in value])
    return int(builder.CreateNumpyVector(np.array([value], np.float32)))


def _metadata(description: Description) -> bytes:
    manifest = {
        "name": MANIFEST_NAME,
        "description": "Input size, figures and checksum, for edgetl.",
        "type": schema.DESCRIPTIONS,
    }
    model = {
        "name": description.name,
        "description": description.description,
        "version": description.version,
        "author": description.author,
        "subgraphs": [_Table("SubGraphMetadata", {"inputs": [_input()], "outputs": [_output()]})],
        "associated_files": [_Table("AssociatedFile", manifest)],
        "min_parser_version": _MIN_PARSER_VERSION,
    }
    builder = flatbuffers.Builder(2048)
    root = _Table("ModelMetadata", model).build(builder)
    builder.Finish(root, file_identifier=schema.METADATA_IDENTIFIER)
    return bytes(builder.Output())


def _input() -> _Table:
    normalization = _Table("NormalizationOptions", {"mean": 0.0, "std": 1.0})
    image = _Table("ImageProperties", {"color_space": 1})  # RGB
    tensor = {
        "name": "image",
        "description": "The picture: RGB, 0 to 255.",
        "content": _Table("Content", {"type": 2, "value": image}),  # ImageProperties
        "process_units": [_Table("ProcessUnit", {"options_type": 1, "options": normalization})],
        "stats": _Table("Stats", {"max": 255.0, "min": 0.0}),
    }
    return _Table("TensorMetadata", tensor)


def _output() -> _Table:
    labels = {
        "name": LABELS_NAME,
        "description": "One label a line, in the order of the outputs.",
        "type": schema.TENSOR_AXIS_LABELS,
    }
    feature = _Table("FeatureProperties", {})
    tensor = {
        "name": "probability",
        "description": "The probability of each class, in the order of the labels.",
        "content": _Table("Content", {"type": 1, "value": feature}),  # FeatureProperties
        "stats": _Table("Stats", {"max": 1.0, "min": 0.0}),
        "associated_files": [_Table("AssociatedFile", labels)],
    }
    return _Table("TensorMetadata", tensor)


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _signature(builder: Any, model: schema.Table) -> int:
    """The signature of the model's first graph, which has one input and one output."""
    graph = model.children("subgraphs")[0]
    fields = {}
    for field, name in (("inputs", "image"), ("outputs", "probability")):
        text = builder.CreateString(name)
        builder.StartObject(len(KINDS["TensorMap"]))
        places = PLACES["TensorMap"]
        builder.PrependUOffsetTRelativeSlot(places["name"], text, 0)
        builder.PrependUint32Slot(places["tensor_index"], int(graph.numbers(field)[0]), 0)
        fields[field] = _vector(builder, [builder.EndObject()])
    fields["signature_key"] = builder.CreateString("serving_default")
    builder.StartObject(len(KINDS["SignatureDef"]))
    for field, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(PLACES["SignatureDef"][field], offset, 0)
    return int(builder.EndObject())


def _buffer(builder: Any, data: bytes) -> int:
    builder.StartVector(1, len(data), _ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    vector = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(PLACES["Buffer"]["data"], vector, 0)
    return int(builder.EndObject())
