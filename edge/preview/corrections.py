"""Pictures that viewers say are of another class than their label, kept with the right one."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from edgetl.edge.errors import SettingError
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.results.result import Result
from edgetl.edge.sources.folders import class_name

# What a page has drawn, and what is on its way to it.
_SENT = 2
# A frame of a camera takes megabytes: more are not held, and none longer.
_MOST_HELD = 4
_HELD_SECONDS = 120.0
# Longer than from one request of a viewer to the next.
_SENT_SECONDS = 15.0


@dataclass(frozen=True)
class _Held:
    number: int
    result: Result
    until: float


class Corrections:
    """Has the results whose pictures viewers see, so that the very one that is wrong is kept.

    A viewer asks for the next picture once it has drawn one, so that what it shows is one of the
    last two that it was sent. Not safe to share between threads.
    """

    def __init__(self, keep: Callable[[Result, str], None], labels: Sequence[str]) -> None:
        """
        Args:
            keep: saves a result's picture with the right class; raises an EdgetlError if it cannot.
            labels: the model's.
        """
        self._keep = keep
        self._classes = [label for label in labels if label != UNKNOWN]
        self._sent: dict[str, tuple[float, deque[tuple[int, Result]]]] = {}
        self._held: OrderedDict[str, _Held] = OrderedDict()

    def asks(self, viewer: str) -> None:
        """Note that a viewer asks for the next picture; viewers that no longer do are forgotten."""
        now = time.monotonic()
        results = self._sent[viewer][1] if viewer in self._sent else deque(maxlen=_SENT)
        self._sent[viewer] = now, results
        self._sent = {n: one for n, one in self._sent.items() if now - one[0] < _SENT_SECONDS}
        self._held = OrderedDict((n, one) for n, one in self._held.items() if now < one.until)

    def sent(self, viewer: str, number: int, result: Result) -> None:
        """Note that a viewer who asked is sent a result."""
        if viewer in self._sent:
            self._sent[viewer][1].append((number, result))

    def change(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Do what a viewer asks for: {"do": "hold", "viewer": ..., "number": ...}, and so on.

        "hold" keeps the picture of this number at hand, and gives the classes to choose from;
        "keep" saves it as "class"; "release" lets it go.

        Raises:
            LookupError: something else is asked for.
            SettingError: the picture is gone, or no folder can have the class's name.
            EdgetlError: it cannot be saved.
        """
        return self._changes[asked["do"]](self, str(asked["viewer"]), asked)

    def _hold(self, viewer: str, asked: dict[str, Any]) -> dict[str, Any]:
        _, results = self._sent.get(viewer, (0.0, ()))
        found = [result for number, result in results if number == asked["number"]]
        if not found:
            raise SettingError("this picture is gone; press it again at the next one")
        self._held.pop(viewer, None)
        while len(self._held) >= _MOST_HELD:
            self._held.popitem(last=False)
        until = time.monotonic() + _HELD_SECONDS
        self._held[viewer] = _Held(asked["number"], found[0], until)
        return {"classes": self._classes}

    def _save(self, viewer: str, asked: dict[str, Any]) -> dict[str, Any]:
        held = self._held.get(viewer)
        if held is None or held.number != asked["number"] or held.until < time.monotonic():
            raise SettingError("this picture is gone; press the button again")
        label = class_name(str(asked["class"]))
        self._keep(held.result, label)
        del self._held[viewer]
        return {"kept": label}

    def _release(self, viewer: str, _: dict[str, Any]) -> dict[str, Any]:
        self._held.pop(viewer, None)
        return {}

    _changes: ClassVar[dict[str, "_Change"]] = {"hold": _hold, "keep": _save, "release": _release}


_Change: TypeAlias = Callable[[Corrections, str, dict[str, Any]], dict[str, Any]]
