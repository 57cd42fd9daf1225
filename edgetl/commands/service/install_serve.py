"""`edgetl service install serve`."""

from functools import partial
from typing import Annotated

from edgetl.command import JsonOption, Uncommon, command
from edgetl.commands.service.installing import DryRunOption, YesOption, install_job
from edgetl.edge.serve.options import ServeOptions
from edgetl.edge.service.options import ServeServiceOptions


def install_serve(
    service: ServeServiceOptions,
    options: Annotated[ServeOptions, Uncommon()],
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """It takes every option of `edgetl serve`; --help-all shows them."""
    from edgetl.edge.service.serve_job import serve_job

    make_job = partial(serve_job, options, service)
    install_job(service, make_job, dry_run=dry_run, yes=yes, as_json=as_json)


COMMAND = command(
    install_serve,
    epilog="Example: sudo edgetl service install serve --model m.tflite --preview 0.0.0.0:8000",
    options_metavar="[OPTIONS] --model FILE [SERVE'S OPTIONS]",
)
