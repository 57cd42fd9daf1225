"""`edgetl service uninstall`."""

import json
import os
from pathlib import Path

from edgetl.command import JsonOption, command
from edgetl.commands.service import NameOption, RootOption, needs_systemd, with_sudo
from edgetl.edge.errors import SettingError


def uninstall(
    name: NameOption = "edgetl", root: RootOption = Path("/"), as_json: JsonOption = False
) -> None:
    from edgetl.edge.service import systemd

    place = systemd.Place(name, root.absolute())
    if place.running:
        needs_systemd()
        if os.geteuid() != 0:
            raise SettingError(f"only root removes a service; type: {with_sudo()}")
    changed = systemd.uninstall(place)
    if as_json:
        print(json.dumps({"changed": changed, "unit": str(place.unit)}))
    else:
        print(f"{place.unit}: {'removed' if changed else 'not installed'}")


COMMAND = command(uninstall, epilog="Example: sudo edgetl service uninstall")
