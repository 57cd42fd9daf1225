"""Conditions on results, as people write them: "cat>0.9", "unsure"."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.model.special_labels import UNKNOWN, UNSURE
from edgetl.edge.results.result import Result

_COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
# The label may hold signs like these itself: the last one counts.
_FORM = re.compile(r"\s*(.+?)\s*(>=|<=|>|<)\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*", re.DOTALL)


@dataclass(frozen=True)
class ProbabilityCondition:
    """The probability of class `index`, which is called `label`, compared with `limit`."""

    label: str
    index: int
    sign: str
    limit: float

    def holds(self, result: Result) -> bool:
        """Whether a result meets it, among all classes, shown or not."""
        return _COMPARED[self.sign](float(result.probabilities[self.index]), self.limit)


@dataclass(frozen=True)
class LabelCondition:
    """The label of the result."""

    label: str

    def holds(self, result: Result) -> bool:
        """Whether a result has it."""
        return result.label == self.label


Condition: TypeAlias = ProbabilityCondition | LabelCondition


def parse_condition(text: str, labels: Sequence[str]) -> Condition:
    """The condition that LABEL>P, LABEL>=P, LABEL<P or LABEL<=P says, P being 0..1.

    "unsure" and "unknown" alone are met by results that are called so.

    Raises:
        SettingError: it says none, or of no label of these.
    """
    if (label := text.strip()) == UNSURE or (label == UNKNOWN and UNKNOWN in labels):
        return LabelCondition(label)
    match = _FORM.fullmatch(text)
    if not match and label == UNKNOWN:
        raise SettingError(
            f"condition {UNKNOWN!r}: this model calls nothing so; leave it out, or train with "
            f"--unknown on"
        )
    if not match or (limit := float(match[3])) > 1:
        raise SettingError(
            f"condition {quoted(text)!r}: give it like 'cat>0.9', unsure, unknown, changed or "
            f"random:0.5%"
        )
    label = match[1]
    if label not in labels:
        raise SettingError(
            f"condition {quoted(text)!r}: no such label; there are {named_labels(labels)}"
        )
    return ProbabilityCondition(label, list(labels).index(label), match[2], limit)


def named_labels(labels: Sequence[str]) -> str:
    """The labels there are, for a message; of many the first ten."""
    return ", ".join(map(quoted, labels[:10])) + (", ..." if len(labels) > 10 else "")
