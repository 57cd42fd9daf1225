"""What a classifier's output values mean: probabilities or logits."""

from typing import Literal

import flatbuffers.number_types as types
import numpy as np

from edgetl.edge.model.verify import schema as schema

OutputValues = Literal["probabilities", "logits"]

_CHANGES_NO_VALUE = {
    schema.BuiltinOperator.RESHAPE,
    schema.BuiltinOperator.SQUEEZE,
    schema.BuiltinOperator.QUANTIZE,
    schema.BuiltinOperator.DEQUANTIZE,
}
_GIVES_PROBABILITIES = {schema.BuiltinOperator.SOFTMAX, schema.BuiltinOperator.LOGISTIC}


def output_values(model: schema.Table) -> OutputValues:
    """Whether the first output of a checked model is probabilities, or logits as training has them.

    It is probabilities if the last operator that changes values is a softmax or a sigmoid.
    """
    codes = model.children(schema.Model.OPERATOR_CODES)
    graph = model.children(schema.Model.SUBGRAPHS)[0]
    tensor = int(graph.numbers(schema.SubGraph.OUTPUTS, np.int32)[0])
    # The check has seen to it that operators read only what earlier ones wrote.
    for operator in reversed(graph.children(schema.SubGraph.OPERATORS)):
        if tensor not in operator.numbers(schema.Operator.OUTPUTS, np.int32):
            continue
        code = _builtin_code(
            codes[operator.number(schema.Operator.OPCODE_INDEX, types.Uint32Flags)]
        )
        if code not in _CHANGES_NO_VALUE:
            return "probabilities" if code in _GIVES_PROBABILITIES else "logits"
        reads = operator.numbers(schema.Operator.INPUTS, np.int32)
        if not len(reads):
            break
        tensor = int(reads[0])
    return "logits"


def _builtin_code(code: schema.Table) -> int:
    # One byte was enough for the first 127 operators; files since then hold both fields, and in
    # older ones the larger is absent.
    return max(
        code.number(schema.OperatorCode.DEPRECATED_BUILTIN_CODE, types.Int8Flags),
        code.number(schema.OperatorCode.BUILTIN_CODE, types.Int32Flags),
    )
