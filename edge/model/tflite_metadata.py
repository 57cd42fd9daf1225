"""The TFLite Metadata of the models that edgetl writes.

Schema: https://ai.google.dev/edge/litert/models/metadata.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np

from edgetl.edge.model.model_file import LABELS_NAME, MANIFEST_NAME
from edgetl.edge.model.verify import schema
from edgetl.edge.model.verify.schema import KINDS, SLOTS

# The first version of the metadata schema with every field used here.
_MIN_PARSER_VERSION = "1.0.0"


@dataclass(frozen=True)
class Description:
    """The metadata of the model as a whole."""

    name: str
    description: str
    author: str
    version: str


def packed_metadata(description: Description) -> bytes:
    """The flatbuffer of one RGB input 0..255 and labelled probabilities."""
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


def table_vector(builder: Any, offsets: Sequence[int]) -> int:
    """A vector of tables, which the builder has written at these offsets."""
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


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
            slot = SLOTS[self.name][field]
            if isinstance(value, int):
                builder.PrependUint8Slot(slot, value, 0)
            else:
                builder.PrependUOffsetTRelativeSlot(slot, offsets[field], 0)
        return int(builder.EndObject())


def _built(builder: Any, value: Any) -> int:
    if isinstance(value, _Table):
        return value.build(builder)
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, list):
        return table_vector(builder, [table.build(builder) for table in value])
    return int(builder.CreateNumpyVector(np.array([value], np.float32)))


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
