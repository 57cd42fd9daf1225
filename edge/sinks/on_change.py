"""A sink that gets changes only, while others get every frame."""

from edgetl.edge.results.debounce import ChangeDetector
from edgetl.edge.results.result import Result
from edgetl.edge.sinks import Sink


class OnChangeSink:
    """Passes the results that change the stable label on to another sink."""

    def __init__(self, sink: Sink, changes: ChangeDetector) -> None:
        """`changes` is for this sink alone: it keeps the last label."""
        self._sink = sink
        self._changes = changes

    def write(self, result: Result) -> None:
        if self._changes.is_change(result):
            self._sink.write(result)

    def close(self) -> None:
        self._sink.close()
