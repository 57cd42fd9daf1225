"""Values of JSON as the dataclasses that they were written from, checked."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from edgetl.edge.errors import quoted


class DamagedError(Exception):
    """A value of JSON is not what it should be: the message says where it is, and what it is."""


def from_json(kind: Any, value: Any) -> Any:
    """`value` as json reads it, as `kind`: a dataclass, or a type that one may have.

    A dataclass's names that JSON does not have take their defaults, and those that only JSON has
    are ignored, as another version of edgetl wrote them.

    Raises:
        DamagedError: it is something else, or a name without a default is missing.
    """
    try:
        return _value(kind, value, "")
    except OverflowError as error:
        raise DamagedError(str(error)) from error


def key_of(field: "Field[Any]") -> str:
    """The name that a field of a dataclass has in JSON."""
    return str(field.metadata.get("key", field.name))


def _value(kind: Any, value: Any, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _instance(kind, value, where)
    if origin in (Union, UnionType):
        (some,) = [member for member in inner if member is not type(None)]
        return None if value is None else _value(some, value, where)
    # True is 1 to Python.
    if origin is Literal and any(type(value) is type(one) and value == one for one in inner):
        return value
    if origin in (tuple, Sequence) and isinstance(value, list):
        return _items(origin, inner, value, where)
    if origin in (dict, Mapping) and isinstance(value, dict):
        return {name: _value(inner[1], item, f"{where}.{name}") for name, item in value.items()}
    # A bool is an int to Python, and json reads 12 as an int and 1e999 as infinity.
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if kind in (int, str, bool) and type(value) is kind:
        return value
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise _damaged(where, value)


def _items(origin: Any, inner: Sequence[Any], value: Sequence[Any], where: str) -> Any:
    """A Sequence[X] as a list, a tuple[X, ...] or one with a kind for each item as a tuple."""
    same = origin is Sequence or inner[-1] is Ellipsis
    kinds = (inner[0],) * len(value) if same else inner
    if len(kinds) != len(value):
        raise _damaged(where, value)
    items = [
        _value(kind, item, f"{where}[{number}]")
        for number, (kind, item) in enumerate(zip(kinds, value, strict=True))
    ]
    return items if origin is Sequence else tuple(items)


def _instance(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise _damaged(where, value)
    hints: Mapping[str, Any] = get_type_hints(kind)
    start = f"{where}." if where else ""
    found = {}
    for field in fields(kind):
        key = key_of(field)
        if key in value:
            found[field.name] = _value(hints[field.name], value[key], f"{start}{key}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise DamagedError(f"{quoted(start + key)} is missing")
    return kind(**found)


def _damaged(where: str, value: Any) -> DamagedError:
    text = json.dumps(value)
    return DamagedError(
        f"{quoted(where) or 'the whole'} is {text if len(text) <= 40 else f'{text[:40]}...'}"
    )
