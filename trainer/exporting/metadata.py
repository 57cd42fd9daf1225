"""Writing TFLite Metadata into a model, so that MediaPipe Tasks, Android and others can read it.

Schema and packing: https://ai.google.dev/edge/litert/models/metadata. The model's own bytes are
kept as the converter wrote them, alignment of the weights included: a new root table, with longer
lists of buffers and metadata, goes in front of them and points into them.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers.number_types import Uint32Flags

from edgetl.edge.model.model_file import LABELS_NAME, MANIFEST_NAME
from edgetl.edge.model.verify import schema

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
        schema.Model.VERSION, old.number(schema.Model.VERSION, Uint32Flags), 0
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
    """The model with a zip archive of `files` behind it, stored as the format requires.

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
        builder,
        LABELS_NAME,
        "One label a line, in the order of the outputs.",
        schema.AssociatedFile.TENSOR_AXIS_LABELS,
    )
    manifest = _file(
        builder,
        MANIFEST_NAME,
        "Input size, figures and checksum, for edgetl.",
        schema.AssociatedFile.DESCRIPTIONS,
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
    normalization = _table(
        builder,
        schema.Normalization.FIELDS,
        {
            schema.Normalization.MEAN: _floats(builder, 0),
            schema.Normalization.STD: _floats(builder, 1),
        },
    )
    unit = _union(builder, schema.ProcessUnit.NORMALIZATION, normalization)
    image = _table(
        builder,
        schema.ImageProperties.FIELDS,
        {},
        {schema.ImageProperties.COLOR_SPACE: schema.ImageProperties.RGB},
    )
    fields = {
        schema.TensorMetadata.NAME: builder.CreateString("image"),
        schema.TensorMetadata.DESCRIPTION: builder.CreateString("The picture: RGB, 0 to 255."),
        schema.TensorMetadata.CONTENT: _union(builder, schema.Content.IMAGE, image),
        schema.TensorMetadata.PROCESS_UNITS: _vector(builder, [unit]),
        schema.TensorMetadata.STATS: _stats(builder, highest=255),
    }
    return _table(builder, schema.TensorMetadata.FIELDS, fields)


def _output(builder: Any, labels: int) -> int:
    content = _union(builder, schema.Content.FEATURE, _table(builder, 0, {}))
    fields = {
        schema.TensorMetadata.NAME: builder.CreateString("probability"),
        schema.TensorMetadata.DESCRIPTION: builder.CreateString(
            "The probability of each class, in the order of the labels."
        ),
        schema.TensorMetadata.CONTENT: content,
        schema.TensorMetadata.STATS: _stats(builder, highest=1),
        schema.TensorMetadata.ASSOCIATED_FILES: _vector(builder, [labels]),
    }
    return _table(builder, schema.TensorMetadata.FIELDS, fields)


def _stats(builder: Any, *, highest: float) -> int:
    fields = {schema.Stats.MAX: _floats(builder, highest), schema.Stats.MIN: _floats(builder, 0)}
    return _table(builder, schema.Stats.FIELDS, fields)


def _union(builder: Any, kind: int, value: int) -> int:
    """A table whose only field is a union, as Content and ProcessUnit are: its type, its value."""
    return _table(builder, 2, {1: value}, {0: kind})


def _file(builder: Any, name: str, description: str, kind: int) -> int:
    fields = {
        schema.AssociatedFile.NAME: builder.CreateString(name),
        schema.AssociatedFile.DESCRIPTION: builder.CreateString(description),
    }
    return _table(builder, schema.AssociatedFile.FIELDS, fields, {schema.AssociatedFile.TYPE: kind})


def _table(
    builder: Any,
    fields: int,
    offsets: Mapping[int, int],
    enums: Mapping[int, int] = MappingProxyType({}),
) -> int:
    builder.StartObject(fields)
    for field, value in enums.items():
        builder.PrependUint8Slot(field, value, 0)
    for field, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    return int(builder.EndObject())


def _floats(builder: Any, value: float) -> int:
    return int(builder.CreateNumpyVector(np.array([value], np.float32)))


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _buffer(builder: Any, data: bytes) -> int:
    builder.StartVector(1, len(data), _ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    return _table(builder, 1, {schema.Buffer.DATA: builder.EndVector()})
