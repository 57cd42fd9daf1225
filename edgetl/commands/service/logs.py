"""`edgetl service logs`."""

import os
import sys
from typing import Annotated

import typer

from edgetl.command import command
from edgetl.commands.service import needs_systemd
from edgetl.edge.errors import SettingError
from edgetl.edge.service.options import ServiceName


def logs(
    service: ServiceName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="The newest only.")] = 50,
) -> None:
    needs_systemd()
    wanted = ["journalctl", f"--unit={service.name}.service", f"--lines={lines}", "--no-pager"]
    sys.stdout.flush()
    try:
        os.execvp("journalctl", [*wanted, *(["--follow"] if follow else [])])
    except OSError as error:
        raise SettingError("journalctl: not found; install systemd's journal") from error


COMMAND = command(logs, epilog="Example: edgetl service logs --follow")
