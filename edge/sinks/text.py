"""Results for people: a line each."""

from collections.abc import Iterable
from typing import TextIO

from edge.classifier import Prediction
from edge.errors import quoted
from edge.results import Result


def percentages(predictions: Iterable[Prediction]) -> str:
    """Predictions for people: each class with its probability in percent."""
    return "  ".join(f"{quoted(p.label)} {p.probability:.1%}" for p in predictions)


class TextSink:
    """The source, then each class with its probability in percent."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, result: Result) -> None:
        frame = "" if result.frame is None else f" frame {result.frame}"
        line = f"{quoted(result.source)}{frame}  {percentages(result.predictions)}"
        print(line, file=self._stream, flush=True)

    def close(self) -> None:
        pass
