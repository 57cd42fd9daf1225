"""The two published schemas that a .tflite file is made of, and how to read a table by them.

TFLite's own schema.fbs as of LiteRT 2.3 (file identifier TFL3) and TFLite Metadata's
metadata_schema.fbs (M001). A flatbuffer table finds field n through entry n of its vtable, so the
order of the fields is all that is needed to read, check and write them:
https://flatbuffers.dev/internals/
"""

import struct
from collections.abc import Sequence
from typing import Any, overload

import flatbuffers.encode
import flatbuffers.number_types as types
import flatbuffers.table
import numpy as np
import numpy.typing as npt

MODEL_IDENTIFIER = b"TFL3"
METADATA_IDENTIFIER = b"M001"
METADATA_NAME = "TFLITE_METADATA"

NUMBERS = {
    "bool": types.BoolFlags, "byte": types.Int8Flags, "ubyte": types.Uint8Flags,
    "ushort": types.Uint16Flags, "int": types.Int32Flags, "uint": types.Uint32Flags,
    "long": types.Int64Flags, "ulong": types.Uint64Flags, "float": types.Float32Flags,
}  # fmt: skip

# A number names the table that the union holds; the field before the union holds the number.
UNLISTED = "Unlisted"
UNIONS = {
    "QuantizationDetails": {
        1: "CustomQuantization", 2: "BlockwiseQuantization", 3: "MultiAxisQuantization",
    },
    "SparseIndexVector": {1: "Int32Vector", 2: "Uint16Vector", 3: "Uint8Vector"},
    # Options that hold more than numbers, or are written here; of the others it is enough that
    # they lie in the file.
    "BuiltinOptions": {
        3: "ConcatEmbeddingsOptions", 9: "SoftmaxOptions", 17: "ReshapeOptions",
        27: "ReducerOptions", 30: "SqueezeOptions", 111: "VarHandleOptions",
        115: "BucketizeOptions",
    },
    "BuiltinOptions2": {
        2: "StablehloBroadcastInDimOptions", 3: "StablehloSliceOptions",
        4: "StablehloConvolutionOptions", 5: "StablehloCustomCallOptions",
        6: "StablehloReduceOptions", 7: "StablehloScatterOptions",
        9: "StablehloDynamicSliceOptions", 10: "StablehloPadOptions",
        12: "StablehloDotGeneralOptions", 13: "StablehloReduceWindowOptions",
        16: "StablehloGatherOptions", 17: "StablehloTransposeOptions",
        21: "StableHLOCompositeOptions", 23: "StablehloCaseOptions",
    },
    "ProcessUnitOptions": {1: "NormalizationOptions"},
}  # fmt: skip

# The fields of each table in order, NAME:KIND, without a name where nothing here reads it. A kind
# is a number, a string, a table, a union, or in brackets a vector; - is one that is not looked at.
_TABLES = {
    "Model": "version:uint operator_codes:[OperatorCode] subgraphs:[SubGraph] description:string "
    "buffers:[Buffer] metadata_buffer:[int] metadata:[Metadata] signature_defs:[SignatureDef] "
    "[ExternalBufferGroup] [ExternalBuffer]",
    "OperatorCode": "deprecated_builtin_code:byte custom_code:string version:int builtin_code:int",
    "Buffer": "data:[ubyte] offset:ulong size:ulong",
    "Metadata": "name:string buffer:uint",
    "SubGraph": "tensors:[Tensor] inputs:[int] outputs:[int] operators:[Operator] string int",
    "Tensor": "shape:[int] type:byte buffer:uint name:string quantization:Quantization "
    "is_variable:bool sparsity:Sparsity shape_signature:[int] bool [VariantSubType] uint",
    "Quantization": "[float] [float] scale:[float] zero_point:[long] ubyte QuantizationDetails "
    "dimension:int",
    "CustomQuantization": "[ubyte]",
    "BlockwiseQuantization": "int int int [int]",
    "MultiAxisQuantization": "int int int [int]",
    "Sparsity": "[int] [int] [SparseDimension]",
    "SparseDimension": "byte int ubyte SparseIndexVector ubyte SparseIndexVector",
    "Int32Vector": "[int]",
    "Uint16Vector": "[ushort]",
    "Uint8Vector": "[ubyte]",
    "VariantSubType": "[int] byte bool",
    "Operator": "opcode_index:uint inputs:[int] outputs:[int] builtin_options_type:ubyte "
    "builtin_options:BuiltinOptions [ubyte] byte [bool] intermediates:[int] "
    "large_custom_options_offset:ulong large_custom_options_size:ulong ubyte BuiltinOptions2 int",
    "SignatureDef": "inputs:[TensorMap] outputs:[TensorMap] signature_key:string - "
    "subgraph_index:uint",
    "TensorMap": "name:string tensor_index:uint",
    "ExternalBufferGroup": "string",
    "ExternalBuffer": "uint uint ulong ulong string",
    "ConcatEmbeddingsOptions": "- [int] [int]",
    "SoftmaxOptions": "beta:float",
    "ReshapeOptions": "[int]",
    "ReducerOptions": "keep_dims:bool",
    "SqueezeOptions": "[int]",
    "VarHandleOptions": "string string",
    "BucketizeOptions": "[float]",
    "StablehloBroadcastInDimOptions": "[long]",
    "StablehloSliceOptions": "[long] [long] [long]",
    "StablehloConvolutionOptions": "[long] [long] [long] [long] [bool] - - [long] - - [long] - - "
    "[long] - - [int]",
    "StablehloCustomCallOptions": "string - string - [int] [ubyte]",
    "StablehloReduceOptions": "[long]",
    "StablehloScatterOptions": "- [long] [long] [long]",
    "StablehloDynamicSliceOptions": "[long]",
    "StablehloPadOptions": "[long] [long] [long]",
    "StablehloDotGeneralOptions": "[long] [long] [long] [long] [int]",
    "StablehloReduceWindowOptions": "[long] [long] [long] [long] [long]",
    "StablehloGatherOptions": "[long] [long] [long] - [long]",
    "StablehloTransposeOptions": "[long]",
    "StableHLOCompositeOptions": "string - [ubyte]",
    "StablehloCaseOptions": "[int]",
    # TFLite Metadata: what edgetl reads or writes of it; no one else looks at the rest here.
    "ModelMetadata": "name:string description:string version:string subgraphs:[SubGraphMetadata] "
    "author:string license:- associated_files:[AssociatedFile] min_parser_version:-",
    "SubGraphMetadata": "- - inputs:[TensorMetadata] outputs:[TensorMetadata]",
    "TensorMetadata": "name:string description:string - content:- process_units:[ProcessUnit] "
    "stats:- associated_files:[AssociatedFile]",
    "Content": "type:- value:-",
    UNLISTED: "",
    "FeatureProperties": "",
    "ImageProperties": "color_space:-",
    "ProcessUnit": "options_type:ubyte options:ProcessUnitOptions",
    "NormalizationOptions": "mean:[float] std:[float]",
    "Stats": "max:- min:-",
    "AssociatedFile": "name:string description:string type:byte",
}
# Of each table the kinds of its fields, and the slots of those with a name.
KINDS = {
    table: [field.rpartition(":")[2] for field in fields.split()]
    for table, fields in _TABLES.items()
}
SLOTS = {
    table: {field.rpartition(":")[0]: slot for slot, field in enumerate(fields.split())}
    for table, fields in _TABLES.items()
}

# enum AssociatedFileType
DESCRIPTIONS, TENSOR_AXIS_LABELS = 1, 2
# enum TensorType of schema.fbs, as far as an image classifier's input and output can have them
DTYPES: dict[int, type[np.generic]] = {0: np.float32, 3: np.uint8, 9: np.int8}
# The bits that a value of each TensorType takes; strings, resources and variants have no fixed size
BITS = {0: 32, 1: 16, 2: 32, 3: 8, 4: 64, 6: 8, 7: 16, 8: 64, 9: 8, 10: 64, 11: 128, 12: 64}
BITS |= {15: 32, 16: 16, 17: 4, 18: 16, 19: 2, 20: 4, 21: 8, 22: 8}


class Table:
    """One table of a flatbuffer, whose fields go by the names in its schema.

    Reading past the end raises struct.error, IndexError or ValueError.

    Attributes:
        position: where it begins in the data.
    """

    def __init__(self, name: str, data: bytes | memoryview, position: int) -> None:
        """`name` is that of the table in its schema."""
        self.position = position
        self._kinds, self._slots = KINDS[name], SLOTS[name]
        self._table = flatbuffers.table.Table(memoryview(data), position)

    @classmethod
    def root(cls, name: str, data: bytes | memoryview) -> "Table":
        """The root table of a whole flatbuffer."""
        return cls(name, data, flatbuffers.encode.Get(types.UOffsetTFlags.packer_type, data, 0))

    @classmethod
    def empty(cls, name: str) -> "Table":
        """A table in which every field is absent."""
        # A table that points back 4 bytes to its vtable, which lists no fields.
        return cls(name, struct.pack("<HHi", 4, 4, 4), 4)

    def number(self, field: str) -> int:
        """A number, 0 if absent."""
        slot = self._slots[field]
        return int(self._table.GetSlot(4 + 2 * slot, 0, NUMBERS[self._kinds[slot]]))

    def string(self, field: str) -> str | None:
        """A string, None if absent."""
        offset = self._offset(field)
        if not offset:
            return None
        return bytes(self._table.String(offset + self.position)).decode("utf-8", "replace")

    def child(self, field: str) -> "Table | None":
        """A table, None if absent or, in a union, not of the schema above."""
        target, slot = self.target(field), self._slots[field]
        name: str | None = self._kinds[slot]
        if name in UNIONS:
            tag = self._table.GetSlot(2 + 2 * slot, 0, types.Uint8Flags)
            name = UNIONS[name].get(tag)
        return None if target is None or name is None else Table(name, self._table.Bytes, target)

    def target(self, field: str) -> int | None:
        """Where in the data a table, string or vector begins, None if absent."""
        offset = self._offset(field)
        return int(self._table.Indirect(offset + self.position)) if offset else None

    def field_position(self, field: str) -> int | None:
        """Where in the data the field itself lies, None if absent."""
        offset = self._offset(field)
        return offset + self.position if offset else None

    def children(self, field: str) -> "Sequence[Table]":
        """A vector of tables, empty if absent; each is read when it is asked for."""
        offset = self._offset(field)
        if not offset:
            return ()
        data, start, length = self._vector(offset)
        if start + 4 * length > len(data):
            raise IndexError("a vector of tables runs past the end")
        name = self._kinds[self._slots[field]].strip("[]")
        return _Tables(name, self._table, range(start, start + 4 * length, 4))

    def numbers(self, field: str) -> npt.NDArray[Any]:
        """A vector of numbers, empty if absent."""
        offset = self._offset(field)
        dtype = np.dtype(NUMBERS[self._kinds[self._slots[field]].strip("[]")].name)
        if not offset:
            return np.empty(0, dtype)
        data, start, length = self._vector(offset)
        return np.frombuffer(data, dtype, length, start)

    def _offset(self, field: str) -> int:
        return int(self._table.Offset(4 + 2 * self._slots[field]))

    def _vector(self, offset: int) -> tuple[memoryview, int, int]:
        return self._table.Bytes, self._table.Vector(offset), self._table.VectorLen(offset)


class _Tables(Sequence[Table]):
    """The tables of a vector. A model has hundreds, of which its labels and shapes need a few."""

    def __init__(self, name: str, table: flatbuffers.table.Table, starts: range) -> None:
        self._name, self._table, self._starts = name, table, starts

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> Table: ...
    @overload
    def __getitem__(self, index: slice) -> "_Tables": ...
    def __getitem__(self, index: int | slice) -> "Table | _Tables":
        found = self._starts[index]
        if isinstance(found, range):
            return _Tables(self._name, self._table, found)
        return Table(self._name, self._table.Bytes, int(self._table.Indirect(found)))
