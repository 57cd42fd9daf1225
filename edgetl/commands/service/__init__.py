"""`edgetl service`: its commands, a file each."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from edgetl.commands import Commands
from edgetl.edge.errors import SettingError

NameOption = Annotated[str, typer.Option("--name", help="Name of the service.")]
RootOption = Annotated[
    Path, typer.Option("--root", metavar="DIR", help="Another system's file tree, as an SD card's.")
]


def needs_systemd() -> None:
    from edgetl.edge.service.systemd import systemd_version

    if systemd_version() is None:
        raise SettingError(
            "systemd does not run this machine; start `edgetl classify` with its own service "
            "manager, or use --root DIR for another system's file tree"
        )


def with_sudo() -> str:
    from shlex import join

    program = Path(sys.executable).parent / "edgetl"
    return join(["sudo", str(program), *sys.argv[1:]])


COMMAND = Commands(
    name="service",
    package="edgetl.commands.service",
    summaries={
        "install": "Start `classify` with the options given, now and at every boot.",
        "status": "Whether it runs, and what it saw last. Exit status 1 if it does not run.",
        "logs": "What it wrote to the journal.",
        "uninstall": "Stop it and remove its unit; results and model stay.",
    },
    help="",
    epilog="Example: edgetl service install --camera 0 --model model.int8.tflite",
)
