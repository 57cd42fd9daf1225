"""What every `edgetl service install` does: it shows the unit, asks, and writes it."""

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from edgetl.commands.service import needs_systemd
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.service.options import ServiceOptions
from edgetl.edge.system.messages import logger

if TYPE_CHECKING:
    from edgetl.edge.service.job import Job
    from edgetl.edge.service.systemd import Plan

DryRunOption: TypeAlias = Annotated[
    bool, typer.Option("--dry-run", help="Print the unit, and what would be refused.")
]
YesOption: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def install_job(
    service: ServiceOptions,
    make_job: Callable[[], "Job"],
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Install what `make_job` gives; or only print the unit, and what would be refused."""
    from edgetl.edge.service import systemd
    from edgetl.edge.service.checks import check_tree
    from edgetl.edge.service.install import planned

    check_tree(service)
    if service.running and not dry_run:
        needs_systemd(root_to="installs")
    version = systemd.systemd_version() if service.running else None
    job = make_job()
    plan = planned(service, job, systemd_version=version)
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
        _print_installed(service, changed=changed, link=job.keeps_key)


def _confirm(plan: "Plan", *, yes: bool) -> None:
    if not (yes or sys.stdin.isatty()):
        raise SettingError("nobody to ask; read it with --dry-run, then add --yes")
    print(plan.shown, file=sys.stderr)
    if not yes:
        typer.confirm(f"Write this to {plan.location.unit} and start it?", abort=True, err=True)


def _print_installed(service: ServiceOptions, *, changed: bool, link: bool) -> None:
    from edgetl.edge.service import systemd

    if not changed:
        print(f"{quoted(service.unit)}: unchanged")
        # Stopped by hand: who stopped it may have had a reason.
        if service.running and (facts := systemd.status(service))["ActiveState"] == "inactive":
            print(systemd.described(service, facts)[-1])
    elif service.running:
        print(
            f"{quoted(service.unit)}: installed and started; see it with: "
            f"{service.command('status')}"
        )
        if link:
            print(f"the link to its page: {service.command('logs')}")
    else:
        print(f"{quoted(service.unit)}: installed; it starts when that system boots")
