"""Notifies systemd that there are results, and of the last one."""

import time
from collections.abc import Callable
from functools import partial

from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.results.probability import percent
from edgetl.edge.results.rate import Rate
from edgetl.edge.results.result import Result
from edgetl.edge.sources.per_source import PerSource
from edgetl.edge.system.sd_notify import Manager, Notifier

_RATE_SECONDS = 5.0


class SystemdSink:
    """READY with the first result, then a keep-alive for the watchdog, and a status line.

    Frames keep it alive too that are left out. A run that hangs, in a driver or a library, sends
    nothing, and the watchdog ends it.
    """

    def __init__(self, manager: Manager, newest: Callable[[], ModelFile]) -> None:
        """`newest` is what classifies when it is called: the model may be replaced."""
        self._notifier = Notifier(manager)
        self._newest = newest
        self._rates = PerSource(partial(Rate, seconds=_RATE_SECONDS))
        self._newest_of: PerSource[Result | None] = PerSource(lambda: None)

    def write(self, result: Result) -> None:
        self._rates.of(result).add(now=time.monotonic())
        self._newest_of.keep(result, result)
        self._notifier.works(lambda: self._status_line(result))

    def alive(self) -> None:
        self._notifier.alive()

    def close(self) -> None:
        self._notifier.close()

    def _status_line(self, result: Result) -> str:
        # `edgetl deploy` goes by the model.
        model = f"model {self._newest().content_sha256[:8]}"
        newest = [one for one in self._newest_of.states() if one] or [result]
        if len(newest) == 1:
            return ", ".join([*self._words(result, "frames a second"), model])
        shown = sorted(newest, key=lambda one: one.source)
        each = [f"{one.source} {' '.join(self._words(one, '/s'))}" for one in shown]
        return ", ".join([*each, model])

    def _words(self, result: Result, unit: str) -> list[str]:
        best = f"{result.label} {percent(result.predictions[0].probability, digits=0)}"
        rate = self._rates.of(result).per_second()
        return [best, *([] if rate is None else [f"{rate:.1f} {unit}"])]
