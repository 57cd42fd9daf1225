"""`edgetl service install serve`."""

from typing import Annotated

from edgetl.command import JsonOption, Uncommon, command
from edgetl.commands.service.installing import install_service
from edgetl.edge.serve.options import ServeOptions
from edgetl.edge.service.options import InstallOptions, ServeServiceOptions


def install_serve(
    service: ServeServiceOptions,
    options: Annotated[ServeOptions, Uncommon()],
    how: InstallOptions,
    as_json: JsonOption = False,
) -> None:
    """It takes every option of `edgetl serve`; --help-all shows them."""
    install_service(service, options, how, as_json=as_json)


COMMAND = command(
    install_serve,
    epilog="Example: sudo edgetl service install serve --model m.tflite --preview 0.0.0.0:8000",
    options_metavar="[OPTIONS] --model FILE [SERVE'S OPTIONS]",
)
