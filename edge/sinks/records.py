"""Results for programs: JSON lines and CSV."""

import csv
import json
from typing import TextIO

from edge.results import Result


class JsonlSink:
    """One JSON object a line, with the best class beside all predictions."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, result: Result) -> None:
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
        print(json.dumps(record, ensure_ascii=False), file=self._stream, flush=True)

    def close(self) -> None:
        pass


class CsvSink:
    """CSV with a header: source, frame, time, milliseconds, then label and probability per rank.

    Args:
        stream: where it is written.
        classes: predictions a result.
    """

    def __init__(self, stream: TextIO, *, classes: int) -> None:
        self._stream = stream
        self._writer = csv.writer(stream, lineterminator="\n")
        ranks = [
            f"{name}_{rank}" for rank in range(1, classes + 1) for name in ("label", "probability")
        ]
        self._writer.writerow(["source", "frame", "time", "milliseconds", *ranks])

    def write(self, result: Result) -> None:
        pairs = [value for p in result.predictions for value in (p.label, f"{p.probability:.6f}")]
        when = result.time.isoformat(timespec="milliseconds")
        frame = "" if result.frame is None else result.frame
        self._writer.writerow([result.source, frame, when, f"{result.milliseconds:.3f}", *pairs])
        self._stream.flush()

    def close(self) -> None:
        pass
