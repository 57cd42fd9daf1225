"""Field numbers of the two published schemas a .tflite file is made of, and how to read a field.

TFLite's own schema.fbs (file identifier TFL3) and TFLite Metadata's metadata_schema.fbs (M001). A
flatbuffer table finds field n through entry n of its vtable, so these numbers are all that is
needed to read and write them: https://flatbuffers.dev/internals/
"""

import struct
from typing import Any

import flatbuffers.encode
import flatbuffers.number_types as types
import flatbuffers.table
import numpy as np
import numpy.typing as npt

MODEL_IDENTIFIER = b"TFL3"
METADATA_IDENTIFIER = b"M001"
METADATA_NAME = "TFLITE_METADATA"


class Model:
    VERSION, OPERATOR_CODES, SUBGRAPHS, DESCRIPTION, BUFFERS = range(5)
    METADATA_BUFFER, METADATA, SIGNATURE_DEFS = range(5, 8)
    FIELDS = 8  # as edgetl writes it
    EXTERNAL_BUFFER_GROUPS, EXTERNAL_BUFFERS = range(8, 10)


class OperatorCode:
    DEPRECATED_BUILTIN_CODE, CUSTOM_CODE, VERSION, BUILTIN_CODE = range(4)


class BuiltinOperator:
    DEQUANTIZE, LOGISTIC, RESHAPE, SOFTMAX, SQUEEZE, QUANTIZE = 6, 14, 22, 25, 43, 114


class Buffer:
    DATA, OFFSET, SIZE = range(3)


class Metadata:
    NAME, BUFFER = range(2)
    FIELDS = 2


class SubGraph:
    TENSORS, INPUTS, OUTPUTS, OPERATORS, NAME, DEBUG_METADATA_INDEX = range(6)


class Tensor:
    SHAPE, TYPE, BUFFER, NAME, QUANTIZATION, IS_VARIABLE = range(6)
    SPARSITY, SHAPE_SIGNATURE, HAS_RANK, VARIANT_TENSORS, EXTERNAL_BUFFER = range(6, 11)


class Quantization:
    MIN, MAX, SCALE, ZERO_POINT, DETAILS_TYPE, DETAILS, DIMENSION = range(7)


class Operator:
    OPCODE_INDEX, INPUTS, OUTPUTS, BUILTIN_OPTIONS_TYPE, BUILTIN_OPTIONS = range(5)
    CUSTOM_OPTIONS, CUSTOM_OPTIONS_FORMAT, MUTATING_VARIABLE_INPUTS, INTERMEDIATES = range(5, 9)
    LARGE_CUSTOM_OPTIONS_OFFSET, LARGE_CUSTOM_OPTIONS_SIZE = range(9, 11)
    BUILTIN_OPTIONS_2_TYPE, BUILTIN_OPTIONS_2, DEBUG_METADATA_INDEX = range(11, 14)


class SignatureDef:
    INPUTS, OUTPUTS, KEY = range(3)
    SUBGRAPH_INDEX = 4


class TensorMap:
    NAME, TENSOR_INDEX = range(2)


class ModelMetadata:
    NAME, DESCRIPTION, VERSION, SUBGRAPHS, AUTHOR, LICENSE = range(6)
    ASSOCIATED_FILES, MIN_PARSER_VERSION = range(6, 8)


class SubGraphMetadata:
    NAME, DESCRIPTION, INPUTS, OUTPUTS = range(4)


class TensorMetadata:
    NAME, DESCRIPTION, DIMENSION_NAMES, CONTENT = range(4)
    PROCESS_UNITS, STATS, ASSOCIATED_FILES = range(4, 7)


class Content:
    PROPERTIES_TYPE, PROPERTIES = range(2)
    FEATURE, IMAGE = 1, 2  # union ContentProperties


class ImageProperties:
    COLOR_SPACE = 0
    RGB = 1  # enum ColorSpaceType


class ProcessUnit:
    OPTIONS_TYPE, OPTIONS = range(2)
    NORMALIZATION = 1  # union ProcessUnitOptions


class Normalization:
    MEAN, STD = range(2)


class Stats:
    MAX, MIN = range(2)


class AssociatedFile:
    NAME, DESCRIPTION, TYPE = range(3)
    DESCRIPTIONS, TENSOR_AXIS_LABELS = 1, 2  # enum AssociatedFileType


# enum TensorType of schema.fbs, as far as an image classifier's input and output can have them
DTYPES: dict[int, type[np.generic]] = {0: np.float32, 3: np.uint8, 9: np.int8}
# The bits that a value of each TensorType takes; strings, resources and variants have no fixed size
BITS = {0: 32, 1: 16, 2: 32, 3: 8, 4: 64, 6: 8, 7: 16, 8: 64, 9: 8, 10: 64, 11: 128, 12: 64}
BITS |= {15: 32, 16: 16, 17: 4, 18: 16, 19: 2, 20: 4, 21: 8, 22: 8}


class Table:
    """One flatbuffer table in `data`. Reading past the end raises struct.error or IndexError."""

    def __init__(self, data: bytes | memoryview, position: int) -> None:
        self._table = flatbuffers.table.Table(memoryview(data), position)

    @classmethod
    def root(cls, data: bytes | memoryview) -> "Table":
        """The root table of a whole flatbuffer."""
        return cls(data, flatbuffers.encode.Get(types.UOffsetTFlags.packer_type, data, 0))

    @classmethod
    def empty(cls) -> "Table":
        """A table in which every field is absent."""
        # A table that points back 4 bytes to its vtable, which lists no fields.
        return cls(struct.pack("<HHi", 4, 4, 4), 4)

    @classmethod
    def _at(cls, table: Any, position: int) -> "Table":
        child = cls.__new__(cls)
        child._table = flatbuffers.table.Table(table.Bytes, position)
        return child

    def _offset(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def number(self, field: int, flags: Any, default: int = 0) -> int:
        """A scalar field of type `flags`."""
        offset = self._offset(field)
        return int(self._table.Get(flags, offset + self._table.Pos)) if offset else default

    def string(self, field: int) -> str | None:
        """A string field, None if absent."""
        offset = self._offset(field)
        if not offset:
            return None
        return bytes(self._table.String(offset + self._table.Pos)).decode("utf-8", "replace")

    def child(self, field: int) -> "Table | None":
        """A table (or union value) field, None if absent."""
        target = self.target(field)
        return None if target is None else self._at(self._table, target)

    def target(self, field: int) -> int | None:
        """Where in the data a table, string or vector field points to, None if absent."""
        offset = self._offset(field)
        return int(self._table.Indirect(offset + self._table.Pos)) if offset else None

    def children(self, field: int) -> "list[Table]":
        """A vector of tables, empty if absent."""
        return [self._at(self._table, position) for position in self.positions(field)]

    def positions(self, field: int) -> list[int]:
        """Where in the data each table of a vector of tables begins."""
        offset = self._offset(field)
        if not offset:
            return []
        start, length = self._vector(offset)
        if start + 4 * length > len(self._table.Bytes):
            raise IndexError("a vector of tables runs past the end")
        return [int(self._table.Indirect(start + 4 * index)) for index in range(length)]

    def numbers(self, field: int, dtype: Any) -> npt.NDArray[Any]:
        """A vector of scalars, empty if absent."""
        offset = self._offset(field)
        if not offset:
            return np.empty(0, dtype)
        start, length = self._vector(offset)
        return np.frombuffer(self._table.Bytes, dtype, length, start)

    def _vector(self, offset: int) -> tuple[int, int]:
        return int(self._table.Vector(offset)), int(self._table.VectorLen(offset))
