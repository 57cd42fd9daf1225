"""What a benchmark measured as a JSON file, and back; and what JSON from elsewhere may hold."""

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from edgetl.benchmarks.measured import FORMAT, Measured, Row
from edgetl.edge.errors import RecordError, quoted, reason


def to_json(measured: Measured) -> str:
    """`measured` as indented JSON that `read_measured` reads; no newline at its end.

    JSON has no infinity and no NaN: such a value is written as null. Rows, their latencies and
    ratios say besides whether they are `noisy`, which follows from the rest.
    """
    content = dataclasses.asdict(measured)
    for row, values in zip(measured.rows, content["rows"], strict=True):
        values["noisy"] = row.noisy
        values["invoke"]["noisy"] = row.invoke.noisy
        values["end_to_end"]["noisy"] = row.end_to_end.noisy
        if row.ratio:
            values["ratio"]["noisy"] = row.ratio.noisy
    return json.dumps(
        _without_non_finite(content),
        indent=2,
        ensure_ascii=False,
        allow_nan=False,
    )


def read_measured(path: Path) -> Measured:
    """The benchmark that `to_json` wrote to `path`. Fields that it does not know are passed over.

    Raises:
        RecordError: the file is missing, cannot be read, holds something else, is damaged, or is
            of a later form.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{quoted(path)}: cannot be read: {reason(error)}") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(
            f"{quoted(path)}: is no JSON; make it with: edgetl benchmark --json > FILE"
        ) from error
    form = content.get("format") if isinstance(content, dict) else None
    if type(form) is not int or "rows" not in content:
        raise RecordError(
            f"{quoted(path)}: does not hold a benchmark's figures; "
            f"make it with: edgetl benchmark --json > FILE"
        )
    if form > FORMAT:
        raise RecordError(
            f"{quoted(path)}: has form {form} of a later edgetl, this one reads {FORMAT}; "
            f"update edgetl"
        )
    try:
        measured: Measured = from_json(Measured, content)
        _check(measured)
    except DamagedError as error:
        raise RecordError(f"{quoted(path)}: is damaged: {error}; measure again") from error
    return measured


class DamagedError(Exception):
    """The place in a file, and what is wrong there."""


def from_json(kind: Any, value: Any) -> Any:
    """`value` as json reads it, as `kind`: a dataclass of the types that measured.py uses.

    Raises:
        DamagedError: it is something else. Fields that the dataclass does not have are passed over.
    """
    try:
        return _value(kind, value, "")
    except OverflowError as error:
        raise DamagedError(str(error)) from error


def check_row(row: Row, place: str) -> None:
    """Refuse a row that no measurement can give; `place` is where it stands.

    Raises:
        DamagedError: it has such a value.
    """
    for name, latency in (("invoke", row.invoke), ("end_to_end", row.end_to_end)):
        counted = [value for value in latency.rounds if value is not None]
        if min(latency.p50, latency.p90, latency.p99, *counted, *latency.samples) <= 0:
            raise DamagedError(f"{place}.{name} has a time that is not above 0")
    for name, least in (("threads", 1), ("bytes", 1), ("peak_bytes", 0)):
        if getattr(row, name) < least:
            raise DamagedError(f"{place}.{name} is {getattr(row, name)}")
    for name in ("load_ms", "first_ms", "pictures_per_second"):
        if getattr(row, name) < 0:
            raise DamagedError(f"{place}.{name} is {getattr(row, name)}")


def _without_non_finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_non_finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_without_non_finite(inner) for inner in value]
    return value


def _value(kind: Any, value: Any, place: str) -> Any:
    """`value` from JSON as `kind`, a type that measured.py uses; `place` is where it stands."""
    origin, inner = get_origin(kind), get_args(kind)
    if dataclasses.is_dataclass(kind):
        return _instance(kind, value, place)
    if origin in (Union, UnionType):
        (some,) = [member for member in inner if member is not type(None)]
        return None if value is None else _value(some, value, place)
    # True is 1 to Python.
    if origin is Literal and any(type(value) is type(one) and value == one for one in inner):
        return value
    if origin is tuple and isinstance(value, list):
        # tuple[X, ...], or a kind for each place.
        kinds = (inner[0],) * len(value) if inner[-1] is Ellipsis else inner
        if len(kinds) == len(value):
            return tuple(
                _value(kind, item, f"{place}[{number}]")
                for number, (kind, item) in enumerate(zip(kinds, value, strict=True))
            )
    if origin is dict and isinstance(value, dict):
        return {name: _value(inner[1], item, f"{place}.{name}") for name, item in value.items()}
    # A bool is an int to Python, and json reads 12 as an int and 1e999 as infinity.
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if kind in (int, str) and type(value) is kind:
        return value
    raise DamagedError(f"{quoted(place)} is {_shown(value)}")


def _instance(kind: Any, value: Any, place: str) -> Any:
    if not isinstance(value, dict):
        raise DamagedError(f"{quoted(place)} is {_shown(value)}")
    hints: Mapping[str, Any] = get_type_hints(kind)
    start = f"{place}." if place else ""
    missing = [name for name in hints if name not in value]
    if missing:
        raise DamagedError(f"{quoted(start + missing[0])} is missing")
    return kind(
        **{name: _value(hint, value[name], f"{start}{name}") for name, hint in hints.items()}
    )


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _check(measured: Measured) -> None:
    """Refuse what would only later, and far from here, turn out to make no sense."""
    pictures, classes = len(measured.truth), len(measured.labels)
    for place, predicted in _classes(measured):
        if len(predicted) != pictures:
            raise DamagedError(f"{place} has {len(predicted)} classes for {pictures} pictures")
        if predicted and not 0 <= min(predicted) <= max(predicted) < classes:
            raise DamagedError(f"{place} has a class that is none of the {classes} labels")
    for number, row in enumerate(measured.rows):
        check_row(row, f"rows[{number}]")


def _classes(measured: Measured) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield "truth", measured.truth
    for number, row in enumerate(measured.rows):
        if row.quality:
            yield f"rows[{number}].quality.predicted", row.quality.predicted
