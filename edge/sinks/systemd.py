"""Notifies systemd that there are results, and of the last one: the protocol of sd_notify(3)."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.results.probability import percent
from edgetl.edge.results.rate import Rate
from edgetl.edge.results.result import Result
from edgetl.edge.sources.per_source import PerSource

_STATUS_SECONDS = 1.0
_RATE_SECONDS = 5.0


@dataclass(frozen=True)
class Manager:
    """The service manager that started this process.

    Attributes:
        address: of its datagram socket: a path, or a name that begins with a NUL where it is
            abstract.
        watchdog_seconds: how long it waits for a sign of life before it ends the service; None
            where it waits for none, or for none of this process's.
    """

    address: str
    watchdog_seconds: float | None = None

    def tell(self, **states: str) -> None:
        """Send states, as READY="1". A manager that is gone or busy is no reason to stop."""
        # A line break would begin another state.
        lines = (f"{name}={' '.join(value.split())}" for name, value in states.items())
        message = "\n".join(lines).encode("utf-8", "backslashreplace")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(message, self.address)
        except (OSError, ValueError):
            return


def manager_from(environment: Mapping[str, str]) -> Manager | None:
    """The manager that `environment` names, or None where this is no service that notifies one.

    Only sockets of this machine's file system and abstract ones are known, as NOTIFY_SOCKET holds
    them for a service.
    """
    address = environment.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@") or len(address) < 2:
        return None
    if address.startswith("@"):
        address = "\0" + address[1:]
    return Manager(address, _watchdog_seconds(environment))


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    microseconds = environment.get("WATCHDOG_USEC", "")
    process = environment.get("WATCHDOG_PID")
    if not (microseconds.isascii() and microseconds.isdecimal()) or int(microseconds) == 0:
        return None
    if process is not None and process != str(os.getpid()):
        return None
    return int(microseconds) / 1e6


class SystemdSink:
    """READY with the first result, then a keep-alive for the watchdog, and a status line.

    Frames keep it alive too that are left out. Nothing is sent by a timer: a run that hangs, in a
    driver or a library, sends nothing, and the watchdog ends it.
    """

    def __init__(self, manager: Manager, newest: Callable[[], ModelFile]) -> None:
        """`newest` is what classifies when it is called: the model may be replaced."""
        self._manager = manager
        self._newest = newest
        # Three of four keep-alives may be late or lost.
        self._keep_alive_seconds = manager.watchdog_seconds and manager.watchdog_seconds / 4
        self._rates = PerSource(partial(Rate, seconds=_RATE_SECONDS))
        self._newest_of: PerSource[Result | None] = PerSource(lambda: None)
        self._ready = False
        self._alive = self._status = 0.0  # when they were last sent, monotonic seconds

    def write(self, result: Result) -> None:
        now = time.monotonic()
        self._rates.of(result).add(now=now)
        self._newest_of.keep(result, result)
        states = {} if self._ready else {"READY": "1"}
        states |= self._keep_alive(now)
        if not self._ready or now - self._status >= _STATUS_SECONDS:
            states["STATUS"] = self._status_line(result)
            self._status = now
        self._ready = True
        if states:
            self._manager.tell(**states)

    def alive(self) -> None:
        # Ready is a service that has a result: what hangs at the first is not.
        if self._ready and (states := self._keep_alive(time.monotonic())):
            self._manager.tell(**states)

    def close(self) -> None:
        self._manager.tell(STOPPING="1")

    def _keep_alive(self, now: float) -> dict[str, str]:
        due = self._keep_alive_seconds
        if not due or (self._ready and now - self._alive < due):
            return {}
        self._alive = now
        return {"WATCHDOG": "1"}

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
