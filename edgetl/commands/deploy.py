"""`edgetl deploy`."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from edgetl.command import JsonOption, command
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.system.messages import logger
from edgetl.edge.system.native_log import DEBUG_VARIABLE


def deploy(
    model: Annotated[
        Path, typer.Argument(metavar="RUN|MODEL", help="A run with exports, or a .tflite file.")
    ],
    hosts: Annotated[
        list[str] | None,
        typer.Argument(metavar="HOST...", help="[USER@]HOST[:PORT], or a name in the inventory."),
    ] = None,
    inventory: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Ansible's; without HOSTs all that are in it."),
    ] = None,
    package: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="A wheel, or what pip takes. [default: this version]"),
    ] = None,
    max_ms: Annotated[
        float | None, typer.Option(min=0, help="A slower test inference rolls the model back.")
    ] = None,
    service: Annotated[
        str | None,
        typer.Option(metavar="OPTIONS", help="Run all day with these, as in '--camera 0'."),
    ] = None,
    ask_become_pass: Annotated[
        bool, typer.Option("--ask-become-pass", help="Ask for sudo's password there.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Change nothing; show what would.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    import shlex

    from rich.console import Console

    from edgetl.deploy.deploying import deploy as deploy_to
    from edgetl.deploy.rendering import deployed_json, print_deployed
    from edgetl.edge.model.latest import model_of

    settings: dict[str, Any] = {} if max_ms is None else {"max_ms": max_ms}
    if service is not None:
        try:
            settings |= {"service": True, "service_options": shlex.split(service)}
        except ValueError as error:
            raise SettingError(f"--service {quoted(service)}: {error}") from error
    results = deploy_to(
        model_of(model),
        hosts or [],
        inventory=inventory,
        package=package,
        settings=settings,
        ask_become_pass=ask_become_pass,
        dry_run=dry_run,
        debug=bool(os.environ.get(DEBUG_VARIABLE)),
        tell=logger.warning,
    )
    if as_json:
        print(deployed_json(results))
    else:
        print_deployed(results, Console(), dry_run=dry_run)
    if any(result.why for result in results):
        raise typer.Exit(1)


COMMAND = command(
    deploy, epilog="Example: edgetl deploy runs/latest pi@raspberrypi.local --max-ms 50"
)
