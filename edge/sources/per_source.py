"""State that is kept from one frame to the next, for each source by itself."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from edgetl.edge.sources.names import MOST_SOURCES

_State = TypeVar("_State")


class Sourced(Protocol):
    """A frame or photo, or the result of one."""

    @property
    def source(self) -> str: ...
    @property
    def frame(self) -> int | None: ...


class PerSource(Generic[_State]):
    """A state for each camera, part of one, or video; the last 64 that were asked for are kept.

    Photos have none: neighbouring ones have nothing to do with each other.
    """

    def __init__(self, start: Callable[[], _State]) -> None:
        """`start` makes the state of a source that has none yet."""
        self._start = start
        self._states: OrderedDict[str, _State] = OrderedDict()

    def of(self, item: Sourced) -> _State:
        """The state of the source of `item`; of a photo a new one."""
        if item.frame is not None and item.source in self._states:
            self._states.move_to_end(item.source)
            return self._states[item.source]
        state = self._start()
        self.keep(item, state)
        return state

    def keep(self, item: Sourced, state: _State) -> None:
        """Let `state` be that of the source of `item`; of a photo it is forgotten."""
        if item.frame is None:
            return
        self._states[item.source] = state
        self._states.move_to_end(item.source)
        if len(self._states) > MOST_SOURCES:
            self._states.popitem(last=False)

    def states(self) -> list[_State]:
        """Of all sources."""
        return list(self._states.values())
