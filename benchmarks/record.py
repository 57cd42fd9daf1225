"""What a benchmark measured as a JSON file, and back."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any

from edgetl.benchmarks.measured import FORMAT, Case, Measured
from edgetl.edge.errors import RecordError, newer, quoted, reason
from edgetl.edge.system.files import read_json
from edgetl.edge.system.json_record import DamagedError, from_json, key_of

# Thousands of pictures' probabilities are not in it.
_MOST_BYTES = 100 * 10**6


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
        content = read_json(path, at_most=_MOST_BYTES)
    except OSError as error:
        raise RecordError(f"{quoted(path)}: cannot be read: {reason(error)}") from error
    except ValueError as error:
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
        raise RecordError(newer(path))
    try:
        measured: Measured = from_json(Measured, content)
        _check(measured)
    except DamagedError as error:
        raise RecordError(f"{quoted(path)}: is damaged: {error}; measure again") from error
    return measured


def check_case(case: Case, where: str) -> None:
    """Refuse a case that no measurement can give; `where` is its place in the file.

    Raises:
        DamagedError: it has such a value.
    """
    for name, latency in (("invoke", case.invoke), ("end_to_end", case.end_to_end)):
        counted = [value for value in latency.rounds if value is not None]
        if min(latency.p50, latency.p90, latency.p99, *counted, *latency.samples) <= 0:
            raise DamagedError(f"{where}.{name} has a time that is not above 0")
    least = {"threads": 1, "bytes": 1, "peak_bytes": 0, "load_ms": 0, "first_ms": 0,
             "pictures_per_second": 0}  # fmt: skip
    for name, low in least.items():
        if getattr(case, name) < low:
            raise DamagedError(f"{where}.{name} is {getattr(case, name)}")


def plain(value: Any) -> Any:
    """`value`, a dataclass of those in measured.py or a part of one, as JSON has it.

    JSON has no infinity and no NaN: such a value becomes null. Cases, their latencies and ratios
    say besides whether they are `noisy`, which follows from the rest.
    """
    if dataclasses.is_dataclass(value):
        found = {key_of(one): plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {**found, "noisy": value.noisy} if hasattr(value, "noisy") else found
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def _check(measured: Measured) -> None:
    """Refuse what would only later, and far from here, turn out to make no sense."""
    pictures, classes = len(measured.targets), len(measured.labels)
    all_classes = [("truth", measured.targets)]
    for number, case in enumerate(measured.cases):
        if case.quality:
            all_classes.append((f"rows[{number}].quality.predicted", case.quality.predicted))
    for where, predicted in all_classes:
        if len(predicted) != pictures:
            raise DamagedError(f"{where} has {len(predicted)} classes for {pictures} pictures")
        if predicted and not 0 <= min(predicted) <= max(predicted) < classes:
            raise DamagedError(f"{where} has a class that is none of the {classes} labels")
    for number, case in enumerate(measured.cases):
        check_case(case, f"rows[{number}]")
