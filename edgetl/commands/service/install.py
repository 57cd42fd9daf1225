"""`edgetl service install`."""

import json
import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from edgetl.command import JsonOption, command
from edgetl.commands.classify import COMMAND as CLASSIFY
from edgetl.commands.classify import _camera, _sinks
from edgetl.commands.service import NameOption, RootOption, needs_systemd, with_sudo
from edgetl.edge.errors import SettingError


def install(
    context: typer.Context,
    name: NameOption = "edgetl",
    run_as: Annotated[
        str | None, typer.Option(metavar="USER", help="[default: who typed sudo]")
    ] = None,
    memory_max: Annotated[str, typer.Option(metavar="SIZE", help="Ended above it.")] = "1G",
    root: RootOption = Path("/"),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the unit only.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonOption = False,
) -> None:
    from edgetl.edge.service import systemd
    from edgetl.edge.service.install import planned

    place = systemd.Place(name, root.absolute())
    command, options = _classify_options(context.args)
    if place.running and not dry_run:
        needs_systemd()
        if os.geteuid() != 0:
            raise SettingError(f"only root installs a service; type: {with_sudo()}")
    plan = planned(
        place,
        options,
        spelled=partial(_spelled, command),
        sinks=_sinks_of_service,
        run_as=run_as,
        memory_max=memory_max,
        systemd_version=systemd.systemd_version() if place.running else None,
    )
    if dry_run and as_json:
        print(json.dumps({"changed": not plan.installed, "unit": str(place.unit)}))
        return
    if dry_run:
        print(plan.text, end="")
        return
    if not plan.installed:
        if not (yes or sys.stdin.isatty()):
            raise SettingError("nobody to ask; read it with --dry-run, then add --yes")
        print(plan.text, file=sys.stderr)
        if not yes:
            typer.confirm(f"Write this to {place.unit} and start it?", abort=True, err=True)
    changed = plan.install()
    if as_json:
        print(json.dumps({"changed": changed, "unit": str(place.unit)}))
    elif not changed:
        print(f"{place.unit}: unchanged")
        # Stopped by hand: who stopped it may have had a reason.
        if place.running and (facts := systemd.status(place))["ActiveState"] == "inactive":
            print(systemd.described(place, facts)[-1])
    elif place.running:
        print(f"{place.unit}: installed and started; see it with: edgetl service status")
    else:
        print(f"{place.unit}: installed; it starts when that system boots")


def _classify_options(arguments: list[str]) -> tuple[Any, dict[str, Any]]:
    """classify's own command, and what it makes of `arguments`."""
    command = CLASSIFY
    options: dict[str, Any] = command.make_context("edgetl service install", list(arguments)).params
    if options["camera"] is not None:
        # Read now what classify reads when it begins.
        names = ("camera_backend", "resolution", "fps", "rotate", "roi", "reconnect")
        _camera(options["camera"], *(options[name] for name in names))
    return command, options


def _sinks_of_service(options: Mapping[str, Any], labels: tuple[str, ...]) -> Any:
    from edgetl.edge.results.debounce import ChangeDetector

    names = (
        "top_k", "output", "mqtt", "mqtt_discovery", "preview", "window", "save_video",
        "snapshots", "when", "snapshots_limit",
    )  # fmt: skip
    return _sinks(
        labels=labels,
        live=False,
        form=options["format"],
        changes=partial(ChangeDetector, threshold=options["threshold"])
        if options["on_change"]
        else None,
        **{name: options[name] for name in names},
    )


def _spelled(command: Any, options: dict[str, Any]) -> list[str]:
    """Options of `command` as arguments that give them again; defaults are left out."""
    arguments = []
    for parameter in command.params:
        value = options.get(parameter.name)
        if value is None or value == parameter.default or parameter.name in ("files", "help"):
            continue
        if isinstance(value, bool):
            arguments.append((parameter.opts if value else parameter.secondary_opts)[0])
        else:
            arguments.append(f"{parameter.opts[0]}={value}")
    return arguments


COMMAND = command(
    install,
    epilog="Example: sudo edgetl service install --camera 0 --model model.int8.tflite --on-change",
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    options_metavar="[OPTIONS] --camera N --model FILE [CLASSIFY'S OPTIONS]",
)
