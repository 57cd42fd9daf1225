"""Results for programs: JSON lines and CSV."""

import csv
import io
import json
from collections.abc import Iterable

from edgetl.edge.results.probability import shortest
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.lines import Lines

# How a file of JSON lines begins.
JSONL_BEGINS = '{"source": '
# How a CSV file begins, however many classes a result has.
CSV_BEGINS = "source,frame,time,milliseconds,label,"


def json_record(result: Result) -> str:
    """A result as a JSON object on one line, with the best class beside all predictions."""
    record = {
        "source": result.source,
        "frame": result.frame,
        "time": _time(result),
        "label": result.label,
        "probability": shortest(result.predictions[0].probability),
        "predictions": [
            {"label": p.label, "probability": shortest(p.probability)} for p in result.predictions
        ],
        "milliseconds": round(result.milliseconds, 3),
    }
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def csv_header(*, classes: int) -> str:
    """The header of a CSV file of results with `classes` predictions each, with its newline."""
    ranks = (
        f"{name}_{rank}" for rank in range(1, classes + 1) for name in ("label", "probability")
    )
    return _csv_line(["source", "frame", "time", "milliseconds", "label", *ranks])


class JsonlSink:
    """One JSON object a line."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def write(self, result: Result) -> None:
        self._lines.write(json_record(result) + "\n")

    def close(self) -> None:
        self._lines.close()


class CsvSink:
    """CSV: source, frame, time, milliseconds, the label, then label and probability per rank.

    Args:
        lines: where it is written, below a `csv_header`.
    """

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def write(self, result: Result) -> None:
        pairs = [value for p in result.predictions for value in (p.label, shortest(p.probability))]
        frame = "" if result.frame is None else result.frame
        milliseconds = f"{result.milliseconds:.3f}"
        row = [result.source, frame, _time(result), milliseconds, result.label, *pairs]
        self._lines.write(_csv_line(row))

    def close(self) -> None:
        self._lines.close()


def _time(result: Result) -> str:
    return result.time.isoformat(timespec="milliseconds")


def _csv_line(row: Iterable[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()
