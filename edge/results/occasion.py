"""Occasions to keep a picture, as people write them: "cat>0.9", "unsure", "changed", "random:0.5%".

An occasion is asked of each result once, in order, and remembers what came before.
"""

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.results.condition import Condition, parse_condition
from edgetl.edge.results.debounce import ChangeDetector
from edgetl.edge.results.result import Result
from edgetl.edge.sources.per_source import PerSource

CHANGED = "changed"
_RANDOM = re.compile(r"random:\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*%")


class Occasion(Protocol):
    """When pictures are kept.

    Attributes:
        text: as a person wrote it.
    """

    text: str

    def comes(self, result: Result) -> bool:
        """Whether `result` is one."""

    def missed(self) -> None:
        """The one that came was not kept: it comes again with the next result of its source that it
        holds for.
        """

    def label(self, result: Result) -> str:
        """The label that a picture of it is named by."""


def parse_occasion(text: str, labels: Sequence[str], *, thresholds: Sequence[float]) -> Occasion:
    """What `text` says: a condition of `parse_condition`, "changed" or "random:P%".

    Args:
        thresholds: of each label; see `edge.results.debounce.with_thresholds`.

    Raises:
        SettingError: it says none, or names no label of these.
    """
    words = text.strip()
    if words == CHANGED:
        return LabelChange(thresholds)
    if match := _RANDOM.fullmatch(words):
        share = float(match[1]) / 100
        if 0 < share <= 1:
            return RandomShare(words, share)
    if re.match(r"random\s*(:|$)", words):
        raise SettingError(f"condition {quoted(text)!r}: give it like 'random:0.5%', above 0")
    return Onset(words, parse_condition(text, labels))


@dataclass
class _Held:
    """Whether a condition held at the last result of a source."""

    held: bool = False


class Onset:
    """A condition becomes true; each photo is a new start."""

    def __init__(self, text: str, condition: Condition) -> None:
        self.text = text
        self._condition = condition
        self._of_each = PerSource(_Held)
        self._asked = _Held()

    def comes(self, result: Result) -> bool:
        self._asked = self._of_each.of(result)
        before, self._asked.held = self._asked.held, self._condition.holds(result)
        return self._asked.held and not before

    def missed(self) -> None:
        self._asked.held = False

    def label(self, _: Result) -> str:
        return self._condition.label


@dataclass
class _Due:
    """The label that a source has changed to, and whether its picture is still to be kept."""

    label: str = ""
    due: bool = False


class LabelChange:
    """The stable label changes, by the rule of `--on-change`; the first of a source counts."""

    text = CHANGED

    def __init__(self, thresholds: Sequence[float]) -> None:
        self._changes = ChangeDetector(thresholds=thresholds)
        self._of_each = PerSource(_Due)
        self._asked = _Due()

    def comes(self, result: Result) -> bool:
        self._asked = asked = self._of_each.of(result)
        if self._changes.is_change(result):
            asked.label, asked.due = result.label, True
        came = asked.due and result.label == asked.label
        asked.due = asked.due and not came
        return came

    def missed(self) -> None:
        self._asked.due = True

    def label(self, result: Result) -> str:
        return result.label


class RandomShare:
    """Any result, with one probability."""

    def __init__(
        self, text: str, share: float, *, draw: Callable[[], float] = random.random
    ) -> None:
        """`share` is 0..1; `draw` gives numbers from 0 to below 1."""
        self.text = text
        self._share = share
        self._draw = draw

    def comes(self, _: Result) -> bool:
        return self._draw() < self._share

    def missed(self) -> None:
        """The next one is as likely as this one was."""

    def label(self, result: Result) -> str:
        return result.label
