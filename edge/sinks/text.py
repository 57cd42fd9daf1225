"""Results for people: a line each."""

from collections.abc import Iterable

from edgetl.edge.errors import quoted
from edgetl.edge.model.classifier import Prediction
from edgetl.edge.results.probability import percent
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.lines import Lines


def percentages(predictions: Iterable[Prediction]) -> str:
    """Predictions for people: each class with its probability in percent."""
    return "  ".join(f"{quoted(p.label)} {percent(p.probability)}" for p in predictions)


class TextSink:
    """The source, then each class with its probability in percent."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def write(self, result: Result) -> None:
        frame = "" if result.frame is None else f" frame {result.frame}"
        unsure = "" if result.confident else f"  {result.label}:"
        shown = percentages(result.predictions)
        self._lines.write(f"{quoted(result.source)}{frame}{unsure}  {shown}\n")

    def close(self) -> None:
        self._lines.close()
