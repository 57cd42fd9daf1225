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
import numpy as np
from flatbuffers.number_types import Uint32Flags

from edgetl.edge.model.model_file import LABELS_NAME, MANIFEST_NAME
from edgetl.edge.model.verify import schema
from edgetl.edge.model.verify.schema import (
    AssociatedFile,
    Content,
    ImageProperties,
    Metadata,
    Model,
    ModelMetadata,
    Normalization,
    ProcessUnit,
    Stats,
    SubGraphMetadata,
    TensorMetadata,
)

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

    `model` is a TFLite flatbuffer with one image input and one [1, classes] output.
    """
    metadata = _metadata(description)
    padding = -len(model) % _ALIGNMENT
    old = schema.Table.root(model)
    # Builders write from the back to the front and count offsets from the back.
    builder = flatbuffers.Builder(len(model) + len(metadata) + 65536)
    builder.head = len(builder.Bytes) - len(model) - padding
    builder.Bytes[builder.head : builder.head + len(model)] = model

    def offset(position: int) -> int:
        return len(model) + padding - position

    buffers = [offset(p) for p in old.positions(Model.BUFFERS)]
    entries = [offset(p) for p in old.positions(Model.METADATA)]
    buffers.append(_buffer(builder, metadata))
    name = builder.CreateString(schema.METADATA_NAME)
    builder.StartObject(Metadata.FIELDS)
    builder.PrependUOffsetTRelativeSlot(Metadata.NAME, name, 0)
    builder.PrependUint32Slot(Metadata.BUFFER, len(buffers) - 1, 0)
    entries.append(builder.EndObject())
    all_buffers, all_entries = _vector(builder, buffers), _vector(builder, entries)

    builder.StartObject(Model.FIELDS)
    builder.PrependUint32Slot(Model.VERSION, old.number(Model.VERSION, Uint32Flags), 0)
    copied = (Model.OPERATOR_CODES, Model.SUBGRAPHS, Model.DESCRIPTION, Model.METADATA_BUFFER)
    for field in (*copied, Model.SIGNATURE_DEFS):
        target = old.target(field)
        if target is not None:
            builder.PrependUOffsetTRelativeSlot(field, offset(target), 0)
    builder.PrependUOffsetTRelativeSlot(Model.BUFFERS, all_buffers, 0)
    builder.PrependUOffsetTRelativeSlot(Model.METADATA, all_entries, 0)
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


def _built(builder: Any, value: Any) -> int:
    """Write a value into the flatbuffer, and return its offset.

    A value is text, a table, a list of tables, or a float for a list of one. A table is a dict of
    such values, and of ints for enums of 8 bits, by the numbers of the fields.
    """
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, list):
        return _vector(builder, [_built(builder, table) for table in value])
    if isinstance(value, float):
        return int(builder.CreateNumpyVector(np.array([value], np.float32)))
    # Tables are not nested in a flatbuffer: whatever this one refers to comes first.
    offsets = {i: _built(builder, v) for i, v in value.items() if not isinstance(v, int)}
    builder.StartObject(max(value, default=-1) + 1)
    for field, one in value.items():
        if isinstance(one, int):
            builder.PrependUint8Slot(field, one, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(field, offsets[field], 0)
    return int(builder.EndObject())


def _metadata(description: Description) -> bytes:
    image = {
        TensorMetadata.NAME: "image",
        TensorMetadata.DESCRIPTION: "The picture: RGB, 0 to 255.",
        TensorMetadata.CONTENT: {
            Content.PROPERTIES_TYPE: Content.IMAGE,
            Content.PROPERTIES: {ImageProperties.COLOR_SPACE: ImageProperties.RGB},
        },
        TensorMetadata.PROCESS_UNITS: [
            {
                ProcessUnit.OPTIONS_TYPE: ProcessUnit.NORMALIZATION,
                ProcessUnit.OPTIONS: {Normalization.MEAN: 0.0, Normalization.STD: 1.0},
            }
        ],
        TensorMetadata.STATS: {Stats.MAX: 255.0, Stats.MIN: 0.0},
    }
    labels = "One label a line, in the order of the outputs."
    probability = {
        TensorMetadata.NAME: "probability",
        TensorMetadata.DESCRIPTION: "The probability of each class, in the order of the labels.",
        TensorMetadata.CONTENT: {
            Content.PROPERTIES_TYPE: Content.FEATURE,
            Content.PROPERTIES: {},
        },
        TensorMetadata.STATS: {Stats.MAX: 1.0, Stats.MIN: 0.0},
        TensorMetadata.ASSOCIATED_FILES: [
            _file(LABELS_NAME, labels, AssociatedFile.TENSOR_AXIS_LABELS)
        ],
    }
    manifest = "Input size, figures and checksum, for edgetl."
    model = {
        ModelMetadata.NAME: description.name,
        ModelMetadata.DESCRIPTION: description.description,
        ModelMetadata.VERSION: description.version,
        ModelMetadata.AUTHOR: description.author,
        ModelMetadata.SUBGRAPHS: [
            {SubGraphMetadata.INPUTS: [image], SubGraphMetadata.OUTPUTS: [probability]}
        ],
        ModelMetadata.ASSOCIATED_FILES: [
            _file(MANIFEST_NAME, manifest, AssociatedFile.DESCRIPTIONS)
        ],
        ModelMetadata.MIN_PARSER_VERSION: _MIN_PARSER_VERSION,
    }
    builder = flatbuffers.Builder(2048)
    builder.Finish(_built(builder, model), file_identifier=schema.METADATA_IDENTIFIER)
    return bytes(builder.Output())


def _file(name: str, description: str, kind: int) -> dict[int, Any]:
    file = AssociatedFile
    return {file.NAME: name, file.DESCRIPTION: description, file.TYPE: kind}


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _buffer(builder: Any, data: bytes) -> int:
    builder.StartVector(1, len(data), _ALIGNMENT)
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data
    vector = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(schema.Buffer.DATA, vector, 0)
    return int(builder.EndObject())
