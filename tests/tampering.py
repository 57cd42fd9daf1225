"""JSON values with one of them replaced by another kind."""

import copy
from collections.abc import Iterator
from typing import Any

_OTHER: list[Any] = [None, -1, 1e999, "\x1b[31m", [], [1], {}, {"a": 1}, True]


def tampered(genuine: Any) -> Iterator[Any]:
    """The value once for each value in it, that one replaced; each kind is met in its turn."""
    for number, place in enumerate(_places(genuine)):
        yield _changed(genuine, place, _OTHER[number % len(_OTHER)])


def _places(value: Any, *above: Any) -> Iterator[tuple[Any, ...]]:
    """The paths to all values in a JSON value, of a list to its first two."""
    yield above
    inner = dict(enumerate(value[:2])) if isinstance(value, list) else value
    for key, item in inner.items() if isinstance(inner, dict) else ():
        yield from _places(item, *above, key)


def _changed(value: Any, place: tuple[Any, ...], other: Any) -> Any:
    if not place:
        return other
    whole = copy.deepcopy(value)
    part = whole
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = other
    return whole
