"""`edgetl service uninstall`."""

import json

from edgetl.command import JsonOption, command
from edgetl.commands.service import needs_systemd
from edgetl.edge.errors import quoted
from edgetl.edge.service.options import UnitLocation


def uninstall(service: UnitLocation, as_json: JsonOption = False) -> None:
    from edgetl.edge.service import systemd
    from edgetl.edge.service.checks import check_tree

    check_tree(service)
    if service.running:
        needs_systemd(root_to="removes")
    changed = systemd.uninstall(service)
    if as_json:
        print(json.dumps({"changed": changed, "unit": str(service.unit)}))
    elif changed:
        print(f"{quoted(service.unit)}: removed")
    else:
        print(f"{quoted(service.unit)}: not installed{systemd.other_services(service)}")


COMMAND = command(uninstall, epilog="Example: sudo edgetl service uninstall")
