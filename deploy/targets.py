"""The devices that were named on the command line, as an inventory for Ansible."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.system.files import why_no_file
from edgetl.edge.system.ssh_host import HOST, USER

# HOST, USER@HOST, HOST:PORT, and an IPv6 address in brackets.
_ADDRESS = re.compile(rf"(?:(?P<user>{USER})@)?(?P<host>{HOST})(?::(?P<port>[0-9]{{1,5}}))?")


@dataclass(frozen=True)
class Targets:
    """The hosts for Ansible.

    Attributes:
        inventory: an inventory, for YAML or JSON, of the hosts that were typed with an address.
        names: hosts and groups, of it and of the user's own inventory.
        typed: by Ansible's name of a host, its name as it was typed.
    """

    inventory: Mapping[str, Any]
    names: Sequence[str]
    typed: Mapping[str, str]

    @property
    def pattern(self) -> str:
        """The names as a pattern of Ansible's."""
        return ":".join(self.names)


def targets(hosts: Sequence[str], inventory: Path | None) -> Targets:
    """The devices that were named, [USER@]HOST[:PORT] each.

    With an inventory, a file or folder that Ansible reads, `hosts` may also be names of its hosts
    and groups; all its hosts if there are none.

    Raises:
        SettingError: a host is not valid, there is none, or no such inventory.
    """
    if inventory is not None and not inventory.exists():
        raise SettingError(f"--inventory {quoted(inventory)}: no such file or folder")
    if inventory is not None and not inventory.is_dir() and (why := why_no_file(inventory)):
        # Ansible would wait for who writes to a pipe.
        raise SettingError(f"--inventory {quoted(inventory)}: {why}")
    if not hosts and inventory is None:
        raise SettingError("no device named; give HOST, as in pi@raspberrypi.local, or --inventory")
    addressed: dict[str, dict[str, Any]] = {}
    typed: dict[str, str] = {}
    names = []
    for host in hosts:
        found = _ADDRESS.fullmatch(host)
        if not found or not 0 < int(found["port"] or 22) < 2**16:
            raise SettingError(
                f"{quoted(host)} is not a HOST; give it like pi@raspberrypi.local:22"
            )
        if inventory is not None and not (found["user"] or found["port"]):
            names.append(host)
            continue
        # In a name, a colon means a port or a range to Ansible.
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
