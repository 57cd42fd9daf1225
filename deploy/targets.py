"""Which devices: names as people type them, as an inventory of Ansible's."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetl.edge.errors import SettingError, quoted

# HOST, USER@HOST, HOST:PORT, and an IPv6 address in brackets.
_ADDRESS = re.compile(
    r"(?:(?P<user>[^@:\s]+)@)?(?P<host>\[[0-9a-fA-F:.%\w]+\]|[^@:\[\]\s,/]+)(?::(?P<port>\d{1,5}))?"
)


@dataclass(frozen=True)
class Targets:
    """What Ansible is told.

    Attributes:
        inventory: an inventory, as YAML's subset JSON has it, of the hosts typed with an address.
        names: the hosts and groups of it and of the user's own inventory that are meant.
        typed: by Ansible's name of a host, how it was typed.
    """

    inventory: Mapping[str, Any]
    names: Sequence[str]
    typed: Mapping[str, str]

    @property
    def pattern(self) -> str:
        """The names, as Ansible takes several."""
        return ":".join(self.names)


def targets(hosts: Sequence[str], inventory: Path | None) -> Targets:
    """The devices that were named.

    Args:
        hosts: [USER@]HOST[:PORT] each; with an inventory also its hosts' and groups' names. None at
            all are all hosts of the inventory.
        inventory: a file or folder that Ansible reads.

    Raises:
        SettingError: a host that is none, none at all, or no such inventory.
    """
    if inventory is not None and not inventory.exists():
        raise SettingError(f"--inventory {quoted(inventory)}: no such file or folder")
    if not hosts and inventory is None:
        raise SettingError("no device named; give HOST, as in pi@raspberrypi.local, or --inventory")
    addressed: dict[str, dict[str, Any]] = {}
    typed: dict[str, str] = {}
    names = []
    for host in hosts:
        found = _ADDRESS.fullmatch(host)
        if not found or host.startswith("-"):
            raise SettingError(f"{quoted(host)} is no HOST; give it as in pi@raspberrypi.local:22")
        if inventory is not None and not (found["user"] or found["port"]):
            names.append(host)
            continue
        # Ansible takes a colon in a name for a port or a range.
        name = re.sub(r"[^\w.-]", "_", host)
        addressed[name] = {"ansible_host": found["host"].strip("[]")}
        if found["user"]:
            addressed[name]["ansible_user"] = found["user"]
        if found["port"]:
            addressed[name]["ansible_port"] = int(found["port"])
        typed[name] = host
        names.append(name)
    made = {"edgetl_targets": {"hosts": addressed}}
    return Targets(made, names or ["all"], typed)
