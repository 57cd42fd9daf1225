"""`edgetl service status`."""

import json

import typer

from edgetl.command import JsonOption, command
from edgetl.commands.service import NameOption, needs_systemd


def status(name: NameOption = "edgetl", as_json: JsonOption = False) -> None:
    from edgetl.edge.service import systemd

    needs_systemd()
    place = systemd.Place(name)
    facts = systemd.status(place)
    if as_json:
        print(json.dumps(facts))
    else:
        print("\n".join(systemd.described(place, facts)))
    if facts["ActiveState"] != "active":
        raise typer.Exit(1)


COMMAND = command(status, epilog="Example: edgetl service status --json")
