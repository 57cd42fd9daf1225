"""What lies in which field of a .tflite file, for `edgetl.edge.model.verify.flatbuffer`.

TFLite's schema.fbs as of LiteRT 2.3 (root MODEL) and TFLite Metadata's metadata_schema.fbs (root
METADATA). Fields are numbered as in `edgetl.edge.model.verify.schema`.
"""

from edgetl.edge.model.verify import schema as schema
from edgetl.edge.model.verify.flatbuffer import (
    Child,
    Children,
    Layout,
    Scalar,
    Scalars,
    Text,
    Union,
)

_BYTE, _INT, _LONG = Scalar(1), Scalar(4), Scalar(8)
_BYTES, _INTS, _LONGS = Scalars(1), Scalars(4), Scalars(8)

_OPERATOR_CODE: Layout = {
    schema.OperatorCode.DEPRECATED_BUILTIN_CODE: _BYTE,
    schema.OperatorCode.CUSTOM_CODE: Text(),
    schema.OperatorCode.VERSION: _INT,
    schema.OperatorCode.BUILTIN_CODE: _INT,
}

_QUANTIZATION: Layout = {
    schema.Quantization.MIN: _INTS,
    schema.Quantization.MAX: _INTS,
    schema.Quantization.SCALE: _INTS,
    schema.Quantization.ZERO_POINT: _LONGS,
    schema.Quantization.DETAILS_TYPE: _BYTE,
    schema.Quantization.DETAILS: Union(
        schema.Quantization.DETAILS_TYPE,
        {
            1: {0: _BYTES},  # CustomQuantization
            2: {0: _INT, 1: _INT, 2: _INT, 3: _INTS},  # BlockwiseQuantization
            3: {0: _INT, 1: _INT, 2: _INT, 3: _INTS},  # MultiAxisQuantization
        },
    ),
    schema.Quantization.DIMENSION: _INT,
}

# Int32Vector, Uint16Vector and Uint8Vector
_SPARSE_INDEXES: dict[int, Layout] = {1: {0: _INTS}, 2: {0: Scalars(2)}, 3: {0: _BYTES}}
_SPARSE_DIMENSION: Layout = {
    0: _BYTE,
    1: _INT,
    2: _BYTE,
    3: Union(2, _SPARSE_INDEXES),
    4: _BYTE,
    5: Union(4, _SPARSE_INDEXES),
}
_SPARSITY: Layout = {0: _INTS, 1: _INTS, 2: Children(_SPARSE_DIMENSION)}

_TENSOR: Layout = {
    schema.Tensor.SHAPE: _INTS,
    schema.Tensor.TYPE: _BYTE,
    schema.Tensor.BUFFER: _INT,
    schema.Tensor.NAME: Text(),
    schema.Tensor.QUANTIZATION: Child(_QUANTIZATION),
    schema.Tensor.IS_VARIABLE: _BYTE,
    schema.Tensor.SPARSITY: Child(_SPARSITY),
    schema.Tensor.SHAPE_SIGNATURE: _INTS,
    schema.Tensor.HAS_RANK: _BYTE,
    schema.Tensor.VARIANT_TENSORS: Children({0: _INTS, 1: _BYTE, 2: _BYTE}),
    schema.Tensor.EXTERNAL_BUFFER: _INT,
}

# Only options that hold more than numbers; of the others it is enough that they lie in the file.
_BUILTIN_OPTIONS: dict[int, Layout] = {
    3: {1: _INTS, 2: _INTS},  # ConcatEmbeddingsOptions
    17: {0: _INTS},  # ReshapeOptions
    30: {0: _INTS},  # SqueezeOptions
    111: {0: Text(), 1: Text()},  # VarHandleOptions
    115: {0: _INTS},  # BucketizeOptions
}
_BUILTIN_OPTIONS_2: dict[int, Layout] = {
    2: {0: _LONGS},  # StablehloBroadcastInDimOptions
    3: {0: _LONGS, 1: _LONGS, 2: _LONGS},  # StablehloSliceOptions
    # StablehloConvolutionOptions
    4: {0: _LONGS, 1: _LONGS, 2: _LONGS, 3: _LONGS, 4: _BYTES, 7: _LONGS, 10: _LONGS, 13: _LONGS}
    | {16: _INTS},
    5: {0: Text(), 2: Text(), 4: _INTS, 5: _BYTES},  # StablehloCustomCallOptions
    6: {0: _LONGS},  # StablehloReduceOptions
    7: {1: _LONGS, 2: _LONGS, 3: _LONGS},  # StablehloScatterOptions
    9: {0: _LONGS},  # StablehloDynamicSliceOptions
    10: {0: _LONGS, 1: _LONGS, 2: _LONGS},  # StablehloPadOptions
    12: {0: _LONGS, 1: _LONGS, 2: _LONGS, 3: _LONGS, 4: _INTS},  # StablehloDotGeneralOptions
    13: {0: _LONGS, 1: _LONGS, 2: _LONGS, 3: _LONGS, 4: _LONGS},  # StablehloReduceWindowOptions
    16: {0: _LONGS, 1: _LONGS, 2: _LONGS, 4: _LONGS},  # StablehloGatherOptions
    17: {0: _LONGS},  # StablehloTransposeOptions
    21: {0: Text(), 2: _BYTES},  # StableHLOCompositeOptions
    23: {0: _INTS},  # StablehloCaseOptions
}

_OPERATOR: Layout = {
    schema.Operator.OPCODE_INDEX: _INT,
    schema.Operator.INPUTS: _INTS,
    schema.Operator.OUTPUTS: _INTS,
    schema.Operator.BUILTIN_OPTIONS_TYPE: _BYTE,
    schema.Operator.BUILTIN_OPTIONS: Union(schema.Operator.BUILTIN_OPTIONS_TYPE, _BUILTIN_OPTIONS),
    schema.Operator.CUSTOM_OPTIONS: _BYTES,
    schema.Operator.CUSTOM_OPTIONS_FORMAT: _BYTE,
    schema.Operator.MUTATING_VARIABLE_INPUTS: _BYTES,
    schema.Operator.INTERMEDIATES: _INTS,
    schema.Operator.LARGE_CUSTOM_OPTIONS_OFFSET: _LONG,
    schema.Operator.LARGE_CUSTOM_OPTIONS_SIZE: _LONG,
    schema.Operator.BUILTIN_OPTIONS_2_TYPE: _BYTE,
    schema.Operator.BUILTIN_OPTIONS_2: Union(
        schema.Operator.BUILTIN_OPTIONS_2_TYPE, _BUILTIN_OPTIONS_2
    ),
    schema.Operator.DEBUG_METADATA_INDEX: _INT,
}

_SUBGRAPH: Layout = {
    schema.SubGraph.TENSORS: Children(_TENSOR),
    schema.SubGraph.INPUTS: _INTS,
    schema.SubGraph.OUTPUTS: _INTS,
    schema.SubGraph.OPERATORS: Children(_OPERATOR),
    schema.SubGraph.NAME: Text(),
    schema.SubGraph.DEBUG_METADATA_INDEX: _INT,
}

_TENSOR_MAP: Layout = {schema.TensorMap.NAME: Text(), schema.TensorMap.TENSOR_INDEX: _INT}

_SIGNATURE: Layout = {
    schema.SignatureDef.INPUTS: Children(_TENSOR_MAP),
    schema.SignatureDef.OUTPUTS: Children(_TENSOR_MAP),
    schema.SignatureDef.KEY: Text(),
    schema.SignatureDef.SUBGRAPH_INDEX: _INT,
}

MODEL: Layout = {
    schema.Model.VERSION: _INT,
    schema.Model.OPERATOR_CODES: Children(_OPERATOR_CODE),
    schema.Model.SUBGRAPHS: Children(_SUBGRAPH),
    schema.Model.DESCRIPTION: Text(),
    schema.Model.BUFFERS: Children(
        {schema.Buffer.DATA: _BYTES, schema.Buffer.OFFSET: _LONG, schema.Buffer.SIZE: _LONG}
    ),
    schema.Model.METADATA_BUFFER: _INTS,
    schema.Model.METADATA: Children({schema.Metadata.NAME: Text(), schema.Metadata.BUFFER: _INT}),
    schema.Model.SIGNATURE_DEFS: Children(_SIGNATURE),
    schema.Model.EXTERNAL_BUFFER_GROUPS: Children({0: Text()}),
    schema.Model.EXTERNAL_BUFFERS: Children({0: _INT, 1: _INT, 2: _LONG, 3: _LONG, 4: Text()}),
}

_ASSOCIATED_FILES = Children(
    {
        schema.AssociatedFile.NAME: Text(),
        schema.AssociatedFile.DESCRIPTION: Text(),
        schema.AssociatedFile.TYPE: _BYTE,
    }
)

_TENSOR_METADATA: Layout = {
    schema.TensorMetadata.NAME: Text(),
    schema.TensorMetadata.DESCRIPTION: Text(),
    schema.TensorMetadata.PROCESS_UNITS: Children(
        {
            schema.ProcessUnit.OPTIONS_TYPE: _BYTE,
            schema.ProcessUnit.OPTIONS: Union(
                schema.ProcessUnit.OPTIONS_TYPE,
                {
                    schema.ProcessUnit.NORMALIZATION: {
                        schema.Normalization.MEAN: _INTS,
                        schema.Normalization.STD: _INTS,
                    }
                },
            ),
        }
    ),
    schema.TensorMetadata.ASSOCIATED_FILES: _ASSOCIATED_FILES,
}

# What edgetl reads of it; no one else looks at the rest here.
METADATA: Layout = {
    schema.ModelMetadata.NAME: Text(),
    schema.ModelMetadata.DESCRIPTION: Text(),
    schema.ModelMetadata.VERSION: Text(),
    schema.ModelMetadata.SUBGRAPHS: Children(
        {
            schema.SubGraphMetadata.INPUTS: Children(_TENSOR_METADATA),
            schema.SubGraphMetadata.OUTPUTS: Children(_TENSOR_METADATA),
        }
    ),
    schema.ModelMetadata.AUTHOR: Text(),
    schema.ModelMetadata.ASSOCIATED_FILES: _ASSOCIATED_FILES,
}
