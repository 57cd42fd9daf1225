"""`edgetl service logs`."""

import os
import sys

from edgetl.command import command
from edgetl.commands.service import needs_systemd
from edgetl.edge.errors import SettingError
from edgetl.edge.service.options import LogsOptions


def logs(options: LogsOptions) -> None:
    needs_systemd()
    unit, lines = f"--unit={options.name}.service", f"--lines={options.lines}"
    wanted = ["journalctl", unit, lines, "--no-pager", *(["--follow"] if options.follow else [])]
    sys.stdout.flush()
    try:
        os.execvp("journalctl", wanted)
    except OSError as error:
        raise SettingError("journalctl: not found; install systemd's journal") from error


COMMAND = command(logs, epilog="Example: edgetl service logs --follow")
