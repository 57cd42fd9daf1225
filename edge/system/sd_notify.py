"""Tells systemd how a service goes: the protocol of sd_notify(3)."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_STATUS_SECONDS = 1.0


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


class Notifier:
    """READY once, then a keep-alive for the watchdog, and a status line; no more than is needed.

    Nothing is sent by a timer: who does not call it, since it hangs, is ended by the watchdog.
    """

    def __init__(self, manager: Manager | None) -> None:
        """Without a manager nothing is sent."""
        self._manager = manager
        watchdog = manager and manager.watchdog_seconds
        # Three of four keep-alives may be late or lost.
        self._keep_alive_seconds = watchdog and watchdog / 4
        self._ready = False
        self._alive = self._looked = 0.0  # when it was last sent or asked for, monotonic seconds
        self._status = ""

    def works(self, status: Callable[[], str]) -> None:
        """The service works. `status` says in a line how it goes; it is asked once a second."""
        now = time.monotonic()
        states = {} if self._ready else {"READY": "1"}
        states |= self._keep_alive(now)
        if not self._ready or now - self._looked >= _STATUS_SECONDS:
            self._looked, before = now, self._status
            self._status = status()
            states |= {"STATUS": self._status} if self._status != before else {}
        self._ready = True
        self._tell(states)

    def alive(self) -> None:
        """It goes on, and there is nothing new."""
        # Ready is a service that has worked: what hangs at the first is not.
        if self._ready:
            self._tell(self._keep_alive(time.monotonic()))

    def close(self) -> None:
        """The service stops."""
        self._tell({"STOPPING": "1"})

    def _tell(self, states: Mapping[str, str]) -> None:
        if self._manager and states:
            self._manager.tell(**states)

    def _keep_alive(self, now: float) -> dict[str, str]:
        due = self._keep_alive_seconds
        if not due or (self._ready and now - self._alive < due):
            return {}
        self._alive = now
        return {"WATCHDOG": "1"}
