"""`edgetl service install`."""

from typing import Annotated

from edgetl.command import JsonOption, Uncommon, command
from edgetl.commands.service.installing import install_service
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.service.options import InstallOptions, ServiceOptions


def install(
    service: ServiceOptions,
    options: Annotated[ClassifyOptions, Uncommon()],
    how: InstallOptions,
    as_json: JsonOption = False,
) -> None:
    """It takes every option of `edgetl classify` but --window and --save-video; --help-all shows
    them. For `edgetl serve` type: edgetl service install serve."""
    install_service(service, options, how, as_json=as_json)


COMMAND = command(
    install,
    epilog="Example: sudo edgetl service install --camera 0 --model model.int8.tflite --on-change",
    options_metavar="[OPTIONS] --camera N --model FILE [CLASSIFY'S OPTIONS]",
)
