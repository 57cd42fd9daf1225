"""`edgetl service status`."""

import json

import typer

from edgetl.command import JsonOption, command
from edgetl.commands.service import needs_systemd
from edgetl.edge.service.options import ServiceName, UnitLocation


def status(service: ServiceName, as_json: JsonOption = False) -> None:
    from edgetl.edge.service import systemd

    needs_systemd()
    location = UnitLocation(service.name)
    facts = systemd.status(location)
    if as_json:
        print(json.dumps(facts))
    else:
        print("\n".join(systemd.described(location, facts)))
    if facts["ActiveState"] != "active":
        raise typer.Exit(1)


COMMAND = command(status, epilog="Example: edgetl service status --json")
