"""`edgetl service`: its commands, a file each."""

import os
import sys
from pathlib import Path

from edgetl.commands import Commands
from edgetl.edge.errors import SettingError
from edgetl.edge.system.masking import secrets_of


def needs_systemd(*, root_to: str = "") -> None:
    """Check that systemd runs here, and that root asks where only root may: `root_to` do what."""
    from edgetl.edge.service.systemd import systemd_version

    if systemd_version() is None:
        raise SettingError(
            "systemd does not run this machine; start edgetl with its own service manager, or use "
            "--root DIR for another system's file tree"
        )
    if root_to and os.geteuid() != 0:
        from shlex import join

        program = Path(sys.executable).parent / "edgetl"
        typed = join(["sudo", str(program), *sys.argv[1:]])
        # The path of a webhook is often its only key.
        if any(secrets_of(word) or word.startswith("--webhook") for word in sys.argv):
            raise SettingError(f"only root {root_to} a service; type it again behind: sudo")
        raise SettingError(f"only root {root_to} a service; type: {typed}")


COMMAND = Commands(
    name="service",
    package="edgetl.commands.service",
    summaries={
        "install": "Start `classify` with its options, now and at every boot.",
        "install serve": "Start `serve` with its options, now and at every boot.",
        "status": "Whether it runs, and what it saw last. Exit status 1 if it does not run.",
        "logs": "What it wrote to the journal.",
        "uninstall": "Stop it and remove its unit; results and model stay.",
    },
    help="",
    epilog="Example: edgetl service install --camera 0 --model model.int8.tflite",
)
