"""Writing TFLite Metadata into a model, so that MediaPipe Tasks, Android and others can read it.

Schema and packing: https://ai.google.dev/edge/litert/models/metadata. The model's own bytes are
kept as the converter wrote them, alignment of the weights included: a new root table, with longer
lists of buffers and metadata, goes in front of them and points into them.
"""

from typing import Any

import flatbuffers

from edgetl.edge.model.tflite_metadata import Description, packed_metadata, table_vector
from edgetl.edge.model.verify import schema
from edgetl.edge.model.verify.schema import KINDS, SLOTS

# The alignment that TFLite's schema requires of a buffer's data.
_ALIGNMENT = 16


def with_metadata(model: bytes, description: Description) -> bytes:
    """The model with a TFLITE_METADATA entry for one RGB input 0..255 and labelled probabilities.

    And with a signature, "serving_default" from "image" to "probability", if it has none: what
    get_signature_runner() of the interpreters and LiteRT's CompiledModel go by.

    Args:
        model: a TFLite flatbuffer with one image input and one [1, classes] output.
        description: name, description, author and version.
    """
    metadata = packed_metadata(description)
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
    builder.PrependUOffsetTRelativeSlot(SLOTS["Metadata"]["name"], name, 0)
    builder.PrependUint32Slot(SLOTS["Metadata"]["buffer"], len(buffers) - 1, 0)
    entries.append(builder.EndObject())
    lists = {"buffers": table_vector(builder, buffers), "metadata": table_vector(builder, entries)}

    if not old.children("signature_defs"):
        lists["signature_defs"] = table_vector(builder, [_signature(builder, old)])

    slots = SLOTS["Model"]
    builder.StartObject(len(KINDS["Model"]))
    builder.PrependUint32Slot(slots["version"], old.number("version"), 0)
    copied = ("operator_codes", "subgraphs", "description", "metadata_buffer", "signature_defs")
    for field in copied:
        target = old.target(field)
        if target is not None and field not in lists:
            builder.PrependUOffsetTRelativeSlot(slots[field], offset(target), 0)
    for field, vector in lists.items():
        builder.PrependUOffsetTRelativeSlot(slots[field], vector, 0)
    root = builder.EndObject()
    builder.minalign = max(builder.minalign, _ALIGNMENT)
    builder.Finish(root, file_identifier=schema.MODEL_IDENTIFIER)
    return bytes(builder.Output())


def _signature(builder: Any, model: schema.Table) -> int:
    """The signature of the model's first graph, which has one input and one output."""
    graph = model.children("subgraphs")[0]
    fields = {}
    for field, name in (("inputs", "image"), ("outputs", "probability")):
        text = builder.CreateString(name)
        builder.StartObject(len(KINDS["TensorMap"]))
        slots = SLOTS["TensorMap"]
        builder.PrependUOffsetTRelativeSlot(slots["name"], text, 0)
        builder.PrependUint32Slot(slots["tensor_index"], int(graph.numbers(field)[0]), 0)
        fields[field] = table_vector(builder, [builder.EndObject()])
    fields["signature_key"] = builder.CreateString("serving_default")
    builder.StartObject(len(KINDS["SignatureDef"]))
    for field, offset in fields.items():
        builder.PrependUOffsetTRelativeSlot(SLOTS["SignatureDef"][field], offset, 0)
    return int(builder.EndObject())


def _buffer(builder: Any, data: bytes) -> int:
    builder.StartVector(1, len(data), _ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    vector = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(SLOTS["Buffer"]["data"], vector, 0)
    return int(builder.EndObject())
