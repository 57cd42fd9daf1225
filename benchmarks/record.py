"""What a benchmark measured as a JSON file, and back; and what JSON from elsewhere may hold."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from edgetl.benchmarks.measured import FORMAT, Case, Measured
from edgetl.edge.errors import RecordError, quoted, reason


def to_json(measured: Measured) -> str:
    """`measured` as indented JSON that `read_measured` reads; no newline at its end."""
    return json.dumps(plain(measured), indent=2, ensure_ascii=False, allow_nan=False)


def read_measured(path: Path) -> Measured:
    """The benchmark that `to_json` wrote to `path`. Fields that it does not know are ignored.

    Raises:
        RecordError: the file is missing, cannot be read, holds something else, is damaged, or is
            of a later format.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{quoted(path)}: cannot be read: {reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(
            f"{quoted(path)}: is not JSON; make it with: edgetl benchmark --json > FILE"
        ) from error
    found = content.get("format") if isinstance(content, dict) else None
    if type(found) is not int or "rows" not in content:
        raise RecordError(
            f"{quoted(path)}: does not hold a benchmark's figures; "
            f"make it with: edgetl benchmark --json > FILE"
        )
    if found > FORMAT:
        raise RecordError(
            f"{quoted(path)}: has format {found} of a later edgetl, this one reads {FORMAT}; "
            f"update edgetl"
        )
    try:
        measured: Measured = from_json(Measured, content)
        _check(measured)
    except DamagedError as error:
        raise RecordError(f"{quoted(path)}: is damaged: {error}; measure again") from error
    return measured


class DamagedError(Exception):
    """What a file holds cannot be: the message says where in it, and what is wrong there."""


def from_json(kind: Any, value: Any) -> Any:
    """`value` as json reads it, as `kind`: a dataclass of the types that measured.py uses.

    Raises:
        DamagedError: it is something else. Fields that the dataclass does not have are ignored.
    """
    try:
        return _value(kind, value, "")
    except OverflowError as error:
        raise DamagedError(str(error)) from error


def check_case(case: Case, where: str) -> None:
    """Refuse a case that no measurement can give; `where` is its place in the file.

    Raises:
        DamagedError: it has such a value.
    """
    for name, latency in (("invoke", case.invoke), ("end_to_end", case.end_to_end)):
        counted = [value for value in latency.rounds if value is not None]
        if min(latency.p50, latency.p90, latency.p99, *counted, *latency.samples) <= 0:
            raise DamagedError(f"{where}.{name} has a time that is not above 0")
    for name, low in (("threads", 1), ("bytes", 1), ("peak_bytes", 0)):
        if getattr(case, name) < low:
            raise DamagedError(f"{where}.{name} is {getattr(case, name)}")
    for name in ("load_ms", "first_ms", "pictures_per_second"):
        if getattr(case, name) < 0:
            raise DamagedError(f"{where}.{name} is {getattr(case, name)}")


def plain(value: Any) -> Any:
    """`value`, a dataclass of those in measured.py or a part of one, as JSON has it.

    JSON has no infinity and no NaN: such a value becomes null. Cases, their latencies and ratios
    say besides whether they are `noisy`, which follows from the rest.
    """
    if dataclasses.is_dataclass(value):
        found = {_key(one): plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {**found, "noisy": value.noisy} if hasattr(value, "noisy") else found
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def _key(field: "dataclasses.Field[Any]") -> str:
    return str(field.metadata.get("key", field.name))


def _value(kind: Any, value: Any, where: str) -> Any:
    """`value` from JSON as `kind`, a type of measured.py; `where` is its place in the file."""
    origin, inner = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _instance(kind, value, where)
    if origin in (Union, UnionType):
        (some,) = [member for member in inner if member is not type(None)]
        return None if value is None else _value(some, value, where)
    # True is 1 to Python.
    if origin is Literal and any(type(value) is type(one) and value == one for one in inner):
        return value
    if origin is tuple and isinstance(value, list):
        # tuple[X, ...], or a kind for each item.
        kinds = (inner[0],) * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) == len(value):
            return tuple(
                _value(kind, item, f"{where}[{number}]")
                for number, (kind, item) in enumerate(zip(kinds, value, strict=True))
            )
    if origin is dict and isinstance(value, dict):
        return {name: _value(inner[1], item, f"{where}.{name}") for name, item in value.items()}
    # A bool is an int to Python, and json reads 12 as an int and 1e999 as infinity.
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if kind in (int, str) and type(value) is kind:
        return value
    raise DamagedError(f"{quoted(where)} is {_shown(value)}")


def _instance(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise DamagedError(f"{quoted(where)} is {_shown(value)}")
    hints: Mapping[str, Any] = get_type_hints(kind)
    start = f"{where}." if where else ""
    found = {}
    for field in dataclasses.fields(kind):
        key = _key(field)
        if key not in value:
            raise DamagedError(f"{quoted(start + key)} is missing")
        found[field.name] = _value(hints[field.name], value[key], f"{start}{key}")
    return kind(**found)


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _check(measured: Measured) -> None:
    """Refuse what would only later, and far from here, turn out to make no sense."""
    pictures, classes = len(measured.targets), len(measured.labels)
    for where, predicted in _classes(measured):
        if len(predicted) != pictures:
            raise DamagedError(f"{where} has {len(predicted)} classes for {pictures} pictures")
        if predicted and not 0 <= min(predicted) <= max(predicted) < classes:
            raise DamagedError(f"{where} has a class that is none of the {classes} labels")
    for number, case in enumerate(measured.cases):
        check_case(case, f"rows[{number}]")


def _classes(measured: Measured) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "truth", measured.targets
    for number, case in enumerate(measured.cases):
        if case.quality:
            yield f"rows[{number}].quality.predicted", case.quality.predicted
