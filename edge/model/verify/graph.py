"""What a classifier's output values mean: probabilities or logits."""

from collections.abc import Sequence
from typing import Literal

from edgetl.edge.model.verify.schema import Table

OutputValues = Literal["probabilities", "logits"]

# Of enum BuiltinOperator: RESHAPE, SQUEEZE, QUANTIZE, DEQUANTIZE; SOFTMAX, LOGISTIC
_CHANGES_NO_VALUE = {22, 43, 114, 6}
_GIVES_PROBABILITIES = {25, 14}


def output_values(model: Table) -> OutputValues:
    """Whether the first output of a checked model is probabilities, or logits as training has them.

    It is probabilities if the last operator that changes values is a softmax or a sigmoid.
    """
    codes = model.children("operator_codes")
    graph = model.children("subgraphs")[0]
    tensor = graph.numbers("outputs")[0]
    # The check has seen to it that operators read only what earlier ones wrote.
    for operator in reversed(graph.children("operators")):
        if tensor not in operator.numbers("outputs"):
            continue
        number = operator_code(operator, codes)
        if number not in _CHANGES_NO_VALUE:
            return "probabilities" if number in _GIVES_PROBABILITIES else "logits"
        reads = operator.numbers("inputs")
        if not len(reads):
            break
        tensor = reads[0]
    return "logits"


def operator_code(operator: Table, codes: Sequence[Table]) -> int:
    """The BuiltinOperator of an operator; `codes` are the model's."""
    code = codes[operator.number("opcode_index")]
    # One byte was enough for the first 127 operators; files since then hold both fields, and in
    # older ones the larger is absent.
    return max(code.number("deprecated_builtin_code"), code.number("builtin_code"))
