"""`edgetl service install`."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from edgetl.command import JsonOption, Uncommon, command
from edgetl.commands.service import needs_systemd
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.service.options import ServiceOptions
from edgetl.edge.system.messages import logger

if TYPE_CHECKING:
    from edgetl.edge.service.systemd import Plan


def install(
    service: ServiceOptions,
    options: Annotated[ClassifyOptions, Uncommon()],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the unit, and what would be refused.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    """It takes every option of `edgetl classify` but --window and --save-video; --help-all shows
    them."""
    from edgetl.edge.service import systemd
    from edgetl.edge.service.install import planned

    if service.running and not dry_run:
        needs_systemd(root_to="installs")
    version = systemd.systemd_version() if service.running else None
    plan = planned(service, options, systemd_version=version)
    if dry_run and not as_json:
        print(plan.shown, end="", flush=True)
        for error in plan.refused:
            logger.error(error)
        raise typer.Exit(2 if plan.refused else 0)
    if plan.refused:
        raise plan.refused[0]
    changed = not systemd.is_installed(plan)
    if not dry_run:
        if changed:
            _confirm(plan, yes=yes)
        changed = systemd.install(plan)
    if as_json:
        print(json.dumps({"changed": changed, "unit": str(service.unit)}))
    else:
        _print_installed(service, changed=changed)


def _confirm(plan: "Plan", *, yes: bool) -> None:
    if not (yes or sys.stdin.isatty()):
        raise SettingError("nobody to ask; read it with --dry-run, then add --yes")
    print(plan.shown, file=sys.stderr)
    if not yes:
        typer.confirm(f"Write this to {plan.location.unit} and start it?", abort=True, err=True)


def _print_installed(service: ServiceOptions, *, changed: bool) -> None:
    from edgetl.edge.service import systemd

    if not changed:
        print(f"{quoted(service.unit)}: unchanged")
        # Stopped by hand: who stopped it may have had a reason.
        if service.running and (facts := systemd.status(service))["ActiveState"] == "inactive":
            print(systemd.described(service, facts)[-1])
    elif service.running:
        print(f"{quoted(service.unit)}: installed and started; see it with: edgetl service status")
    else:
        print(f"{quoted(service.unit)}: installed; it starts when that system boots")


COMMAND = command(
    install,
    epilog="Example: sudo edgetl service install --camera 0 --model model.int8.tflite --on-change",
    options_metavar="[OPTIONS] --camera N --model FILE [CLASSIFY'S OPTIONS]",
)
