"""Writing TFLite Metadata into a model, so that MediaPipe Tasks, Android and others can read it.

Schema and packing: https://ai.google.dev/edge/litert/models/metadata. The model's own bytes are
kept as the converter wrote them, alignment of the weights included: a new root table, with longer
lists of buffers and metadata, goes in front of them and points into them.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import flatbuffers.number_types as types
import numpy as np

from edgetl.edge.model.model_file import LABELS_NAME, MANIFEST_NAME
from edgetl.edge.model.verify import schema as schema

# What TFLite's schema asks of a buffer's data.
_ALIGNMENT = 16
# The version of the metadata schema that has every field used here.
_MIN_PARSER_VERSION = "1.0.0"


@dataclass(frozen=True)
class Description:
    """What the metadata says of the model as a whole."""

    name: str
    description: str
    author: str
    version: str


def with_metadata(model: bytes, description: Description) -> bytes:
    """The model with a TFLITE_METADATA entry for one RGB input 0..255 and labelled probabilities.

    Args:
        model: a TFLite flatbuffer with one image input and one [1, classes] output.
        description: name, description, author and version.
    """
    metadata = _metadata(description)
    padding = -len(model) % _ALIGNMENT
    old = schema.Table.root(model)
    # Builders write from the back to the front and count offsets from the back.
    builder = flatbuffers.Builder(len(model) + len(metadata) + 65536)
    size = len(builder.Bytes)
    builder.Bytes[size - len(model) - padding : size - padding] = model
    builder.head = size - len(model) - padding

    def offset(position: int) -> int:
        return len(model) + padding - position

    buffers = [offset(p) for p in old.positions(schema.Model.BUFFERS)]
    entries = [offset(p) for p in old.positions(schema.Model.METADATA)]
    buffers.append(_buffer(builder, metadata))
    name = builder.CreateString(schema.METADATA_NAME)
    builder.StartObject(schema.Metadata.FIELDS)
    builder.PrependUOffsetTRelativeSlot(schema.Metadata.NAME, name, 0)
    builder.PrependUint32Slot(schema.Metadata.BUFFER, len(buffers) - 1, 0)
    entries.append(builder.EndObject())
    all_buffers, all_entries = _vector(builder, buffers), _vector(builder, entries)

    builder.StartObject(schema.Model.FIELDS)
    builder.PrependUint32Slot(
        schema.Model.VERSION, old.number(schema.Model.VERSION, types.Uint32Flags), 0
    )
    for field in (
        schema.Model.OPERATOR_CODES,
        schema.Model.SUBGRAPHS,
        schema.Model.DESCRIPTION,
        schema.Model.METADATA_BUFFER,
        schema.Model.SIGNATURE_DEFS,
    ):
        target = old.target(field)
        if target is not None:
            builder.PrependUOffsetTRelativeSlot(field, offset(target), 0)
    builder.PrependUOffsetTRelativeSlot(schema.Model.BUFFERS, all_buffers, 0)
    builder.PrependUOffsetTRelativeSlot(schema.Model.METADATA, all_entries, 0)
    root = builder.EndObject()
    builder.minalign = max(builder.minalign, _ALIGNMENT)
    builder.Finish(root, file_identifier=schema.MODEL_IDENTIFIER)
    return bytes(builder.Output())


def with_files(model: bytes, files: Mapping[str, bytes]) -> bytes:
    """The model with a zip archive of `files` behind it, stored as the format asks.

    The same files give the same bytes: the archive holds no dates.
    """
    packed = io.BytesIO(model)
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return packed.getvalue()


def _metadata(description: Description) -> bytes:
    builder = flatbuffers.Builder(2048)
    labels = _file(
        builder, LABELS_NAME, "One label a line, in the order of the outputs.", labels=True
    )
    manifest = _file(
        builder, MANIFEST_NAME, "Input fit, figures and checksum, for edgetl.", labels=False
    )
    subgraph = _table(
        builder,
        schema.SubGraphMetadata.FIELDS,
        {
            schema.SubGraphMetadata.INPUTS: _vector(builder, [_input(builder)]),
            schema.SubGraphMetadata.OUTPUTS: _vector(builder, [_output(builder, labels)]),
        },
    )
    root = _table(
        builder,
        schema.ModelMetadata.FIELDS,
        {
            schema.ModelMetadata.NAME: builder.CreateString(description.name),
            schema.ModelMetadata.DESCRIPTION: builder.CreateString(description.description),
            schema.ModelMetadata.VERSION: builder.CreateString(description.version),
            schema.ModelMetadata.AUTHOR: builder.CreateString(description.author),
            schema.ModelMetadata.SUBGRAPHS: _vector(builder, [subgraph]),
            schema.ModelMetadata.ASSOCIATED_FILES: _vector(builder, [manifest]),
            schema.ModelMetadata.MIN_PARSER_VERSION: builder.CreateString(_MIN_PARSER_VERSION),
        },
    )
    builder.Finish(root, file_identifier=schema.METADATA_IDENTIFIER)
    return bytes(builder.Output())


def _input(builder: Any) -> int:
    mean = builder.CreateNumpyVector(np.zeros(1, np.float32))
    std = builder.CreateNumpyVector(np.ones(1, np.float32))
    normalization = _table(
        builder,
        schema.Normalization.FIELDS,
        {schema.Normalization.MEAN: mean, schema.Normalization.STD: std},
    )
    unit = _union(builder, schema.ProcessUnit.NORMALIZATION, normalization)
    builder.StartObject(schema.ImageProperties.FIELDS)
    builder.PrependInt8Slot(schema.ImageProperties.COLOR_SPACE, schema.ImageProperties.RGB, 0)
    content = _union(builder, schema.Content.IMAGE, builder.EndObject())
    return _tensor(
        builder,
        name="image",
        description="The picture: RGB, 0 to 255.",
        content=content,
        units=[unit],
        stats=_stats(builder, low=0, high=255),
        files=[],
    )


def _output(builder: Any, labels: int) -> int:
    content = _union(builder, schema.Content.FEATURE, _table(builder, 0, {}))
    return _tensor(
        builder,
        name="probability",
        description="The probability of each class, in the order of the labels.",
        content=content,
        units=[],
        stats=_stats(builder, low=0, high=1),
        files=[labels],
    )


def _tensor(
    builder: Any,
    *,
    name: str,
    description: str,
    content: int,
    units: Sequence[int],
    stats: int,
    files: Sequence[int],
) -> int:
    fields = {
        schema.TensorMetadata.NAME: builder.CreateString(name),
        schema.TensorMetadata.DESCRIPTION: builder.CreateString(description),
        schema.TensorMetadata.CONTENT: content,
        schema.TensorMetadata.STATS: stats,
    }
    if units:
        fields[schema.TensorMetadata.PROCESS_UNITS] = _vector(builder, units)
    if files:
        fields[schema.TensorMetadata.ASSOCIATED_FILES] = _vector(builder, files)
    return _table(builder, schema.TensorMetadata.FIELDS, fields)


def _stats(builder: Any, *, low: float, high: float) -> int:
    highest = builder.CreateNumpyVector(np.array([high], np.float32))
    lowest = builder.CreateNumpyVector(np.array([low], np.float32))
    fields = {schema.Stats.MAX: highest, schema.Stats.MIN: lowest}
    return _table(builder, schema.Stats.FIELDS, fields)


def _union(builder: Any, kind: int, value: int) -> int:
    """A table whose only field is a union, as Content and ProcessUnit are: its type, its value."""
    builder.StartObject(2)
    builder.PrependUint8Slot(0, kind, 0)
    builder.PrependUOffsetTRelativeSlot(1, value, 0)
    return builder.EndObject()


def _file(builder: Any, name: str, description: str, *, labels: bool) -> int:
    name_offset, description_offset = builder.CreateString(name), builder.CreateString(description)
    kind = (
        schema.AssociatedFile.TENSOR_AXIS_LABELS if labels else schema.AssociatedFile.DESCRIPTIONS
    )
    builder.StartObject(schema.AssociatedFile.FIELDS)
    builder.PrependUOffsetTRelativeSlot(schema.AssociatedFile.NAME, name_offset, 0)
    builder.PrependUOffsetTRelativeSlot(schema.AssociatedFile.DESCRIPTION, description_offset, 0)
    builder.PrependInt8Slot(schema.AssociatedFile.TYPE, kind, 0)
    return builder.EndObject()


def _table(builder: Any, fields: int, offsets: Mapping[int, int]) -> int:
    builder.StartObject(fields)
    for field, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    return builder.EndObject()


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()


def _buffer(builder: Any, data: bytes) -> int:
    builder.StartVector(1, len(data), _ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    vector = builder.EndVector()
    return _table(builder, 1, {schema.Buffer.DATA: vector})
