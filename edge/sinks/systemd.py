"""Notifies systemd that there are results, and of the last one."""

import time

from edgetl.edge.results.rate import Rate
from edgetl.edge.results.result import Result
from edgetl.edge.system.sd_notify import Manager

_STATUS_SECONDS = 1.0
_RATE_SECONDS = 5.0


class SystemdSink:
    """READY with the first result, then a keep-alive for the watchdog, and a status line.

    Nothing is sent by a timer: a run that hangs, in a driver or a library, sends nothing, and the
    watchdog ends it.
    """

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        # Three of four keep-alives may be late or lost.
        self._keep_alive_seconds = manager.watchdog_seconds and manager.watchdog_seconds / 4
        self._rate = Rate(seconds=_RATE_SECONDS)
        self._ready = False
        self._alive = self._status = 0.0  # when they were last sent, monotonic seconds

    def write(self, result: Result) -> None:
        now = time.monotonic()
        self._rate.add(now=now)
        states = {}
        if not self._ready:
            states["READY"] = "1"
        due = self._keep_alive_seconds
        if due and (not self._ready or now - self._alive >= due):
            states["WATCHDOG"] = "1"
            self._alive = now
        if not self._ready or now - self._status >= _STATUS_SECONDS:
            states["STATUS"] = self._status_line(result)
            self._status = now
        self._ready = True
        if states:
            self._manager.tell(**states)

    def close(self) -> None:
        self._manager.tell(STOPPING="1")

    def _status_line(self, result: Result) -> str:
        rate = self._rate.per_second()
        best = f"{result.label} {100 * result.predictions[0].probability:.0f} %"
        return best if rate is None else f"{best}, {rate:.1f} frames a second"
