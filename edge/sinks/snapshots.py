"""Pictures kept on occasions that a person names."""

from collections.abc import Sequence
from datetime import datetime

from edgetl.edge.errors import SinkError
from edgetl.edge.results.occasion import Occasion
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.outage import Outage
from edgetl.edge.sinks.snapshot_folder import SnapshotFolder
from edgetl.edge.sources.per_source import PerSource

_SECONDS_BETWEEN = 1.0


class SnapshotSink:
    """Keeps the picture, as it was classified, when one of its occasions comes.

    Never more than one picture a second of each source. Photos are none of them, so every photo is
    kept that meets a condition.
    """

    def __init__(
        self,
        folder: SnapshotFolder,
        occasions: Sequence[Occasion],
        *,
        outage: Outage | None = None,
    ) -> None:
        """`outage` takes what fails for a while; by default the first failure is the last."""
        self._folder = folder
        self._occasions = occasions
        self._outage = outage
        self._last: PerSource[datetime | None] = PerSource(lambda: None)

    def write(self, result: Result) -> None:
        # Each is asked: it remembers what it was asked of.
        came = [occasion for occasion in self._occasions if occasion.comes(result)]
        if came and not self._kept(result, came[0]):
            # Kept when the second is over, if it is still so.
            for occasion in came:
                occasion.missed()

    def close(self) -> None:
        if self._outage:
            self._outage.close()

    def _kept(self, result: Result, occasion: Occasion) -> bool:
        last = self._last.of(result)
        if last and abs((result.time - last).total_seconds()) < _SECONDS_BETWEEN:
            return False
        self._last.keep(result, result.time)
        try:
            self._folder.keep(result, label=occasion.label(result), kept=occasion.text)
        except SinkError as error:
            if self._outage is None:
                raise
            self._outage.failed(error)
            return False
        if self._outage:
            self._outage.over()
        return True
