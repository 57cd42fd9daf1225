"""`edgetl deploy`."""

import shlex
from typing import Annotated, Any

import typer

from edgetl.command import Given, JsonOption, command, options_from_arguments
from edgetl.deploy.options import ClassifyService, DeployedService, DeployOptions, ServeService
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.system.masking import masked


def deploy(
    given: Annotated[dict[str, Any], Given(DeployOptions, complete=True)],
    as_json: JsonOption = False,
) -> None:
    from rich.console import Console

    from edgetl.deploy.deploying import deploy as deploy_to
    from edgetl.deploy.rendering import deployed_json, print_deployed

    if "service" in given:
        given["service"] = _service(given["service"])
    options = DeployOptions(**given)
    results = deploy_to(options)
    if as_json:
        print(deployed_json(results))
    else:
        print_deployed(results, Console(), dry_run=options.dry_run)
    if any(result.why for result in results):
        raise typer.Exit(1)


def _service(text: str) -> DeployedService:
    """The options that are typed behind --service."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        why = str(error).lower()
        raise SettingError(f"--service {quoted(masked(text))}: {why}") from error
    if not words:
        raise SettingError("--service: empty; give it options, or leave it out")
    name = "edgetl service install"
    try:
        if words[0] == "serve":
            return options_from_arguments(ServeService, words[1:], name=f"{name} serve")
        return options_from_arguments(ClassifyService, words, name=name)
    except SettingError as error:
        raise SettingError(f"--service: {error}") from error


COMMAND = command(
    deploy, epilog="Example: edgetl deploy runs/latest pi@raspberrypi.local --max-ms 50"
)
