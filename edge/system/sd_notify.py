"""The state of a service, sent to systemd: the protocol of sd_notify(3)."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass


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
