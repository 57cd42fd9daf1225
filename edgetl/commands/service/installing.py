"""What every `edgetl service install` does: it shows the unit, asks, and writes it."""

import json
import sys
from typing import TYPE_CHECKING

import typer

from edgetl.commands.service import needs_systemd
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.serve.options import ServeOptions
from edgetl.edge.service.options import InstallOptions, ServiceOptions
from edgetl.edge.system.messages import logger

if TYPE_CHECKING:
    from edgetl.edge.service.systemd import Plan


def install_service(
    service: ServiceOptions,
    options: ClassifyOptions | ServeOptions,
    how: InstallOptions,
    *,
    as_json: bool,
) -> None:
    """Install a service of these options; or only print its unit, and what would be refused."""
    from edgetl.edge.service.install import plan_service
    from edgetl.edge.service.systemd import install, is_installed

    if service.running and not how.dry_run:
        needs_systemd(root_to="installs")
    plan = plan_service(service, options)
    if how.dry_run and not as_json:
        print(plan.shown, end="", flush=True)
        for error in plan.refused:
            logger.error(error)
        raise typer.Exit(2 if plan.refused else 0)
    plan.check()
    changed = not is_installed(plan)
    if not how.dry_run:
        if changed:
            _confirm(plan, yes=how.yes)
        changed = install(plan)
    if as_json:
        print(json.dumps({"changed": changed, "unit": str(service.unit)}))
    else:
        _print_installed(service, changed=changed, link=plan.serves_page)


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
