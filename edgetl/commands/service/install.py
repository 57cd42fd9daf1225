"""`edgetl service install`."""

from functools import partial
from typing import Annotated

from edgetl.command import JsonOption, Uncommon, command
from edgetl.commands.service.installing import DryRunOption, YesOption, install_job
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.service.options import ServiceOptions


def install(
    service: ServiceOptions,
    options: Annotated[ClassifyOptions, Uncommon()],
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """It takes every option of `edgetl classify` but --window and --save-video; --help-all shows
    them. For `edgetl serve` type: edgetl service install serve."""
    from edgetl.edge.service.classify_job import classify_job

    make_job = partial(classify_job, options, service)
    install_job(service, make_job, dry_run=dry_run, yes=yes, as_json=as_json)


COMMAND = command(
    install,
    epilog="Example: sudo edgetl service install --camera 0 --model model.int8.tflite --on-change",
    options_metavar="[OPTIONS] --camera N --model FILE [CLASSIFY'S OPTIONS]",
)
