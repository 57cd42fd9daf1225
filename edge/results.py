"""Source -> classifier -> sinks: what is known of each picture, and the forms it is written in."""

import csv
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TextIO

from edge.classifier import Classifier, Prediction
from edge.errors import PictureError, quoted
from edge.sources import Item, Problem

Format = Literal["text", "jsonl", "csv"]


@dataclass(frozen=True)
class Result:
    """The predictions for one picture, most probable first.

    `milliseconds` is from encoded bytes or frame to probabilities; `time` is UTC.
    """

    source: str
    frame: int | None
    time: datetime
    predictions: list[Prediction]
    milliseconds: float


Sink = Callable[[Result], None]


def results(
    items: Iterable[Item | Problem], classifier: Classifier, *, top_k: int | None = None
) -> Iterator[Result | Problem]:
    """Classify each item; one that cannot be read becomes a Problem and the rest go on."""
    for item in items:
        if isinstance(item, Problem):
            yield item
            continue
        began = time.perf_counter()
        try:
            predictions = classifier.classify(item.picture, top_k=top_k)
        except PictureError as error:
            yield Problem(str(error))
            continue
        milliseconds = (time.perf_counter() - began) * 1000
        yield Result(item.source, item.frame, datetime.now(UTC), predictions, milliseconds)


def percentages(predictions: Iterable[Prediction]) -> str:
    """Predictions for people: each class with its probability in percent."""
    return "  ".join(f"{p.label} {p.probability:.1%}" for p in predictions)


def text_sink(stream: TextIO) -> Sink:
    """A line for people: the source, then each class with its probability in percent."""

    def write(result: Result) -> None:
        frame = "" if result.frame is None else f" frame {result.frame}"
        line = f"{quoted(result.source)}{frame}  {percentages(result.predictions)}"
        print(line, file=stream, flush=True)

    return write


def jsonl_sink(stream: TextIO) -> Sink:
    """One JSON object a line, with the best class beside all predictions."""

    def write(result: Result) -> None:
        best = result.predictions[0]
        record = {
            "source": result.source,
            "frame": result.frame,
            "time": result.time.isoformat(timespec="milliseconds"),
            "label": best.label,
            "probability": round(best.probability, 6),
            "predictions": [
                {"label": p.label, "probability": round(p.probability, 6)}
                for p in result.predictions
            ],
            "milliseconds": round(result.milliseconds, 3),
        }
        print(json.dumps(record, ensure_ascii=False), file=stream, flush=True)

    return write


def csv_sink(stream: TextIO, *, classes: int) -> Sink:
    """CSV with a header: source, frame, time, milliseconds, then label and probability per rank."""
    writer = csv.writer(stream, lineterminator="\n")
    ranks = [
        f"{name}_{rank}" for rank in range(1, classes + 1) for name in ("label", "probability")
    ]
    writer.writerow(["source", "frame", "time", "milliseconds", *ranks])

    def write(result: Result) -> None:
        pairs = [value for p in result.predictions for value in (p.label, f"{p.probability:.6f}")]
        when = result.time.isoformat(timespec="milliseconds")
        frame = "" if result.frame is None else result.frame
        writer.writerow([result.source, frame, when, f"{result.milliseconds:.3f}", *pairs])
        stream.flush()

    return write


def sink_for(format: Format, stream: TextIO, *, classes: int) -> Sink:  # noqa: A002
    """The sink that writes `format` to `stream`, `classes` predictions a result."""
    if format == "csv":
        return csv_sink(stream, classes=classes)
    return jsonl_sink(stream) if format == "jsonl" else text_sink(stream)
