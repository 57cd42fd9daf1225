"""`edgetl runs list`."""

import json
from dataclasses import asdict

from edgetl.command import JsonOption, command
from edgetl.edge.errors import quoted
from edgetl.edge.system.messages import logger
from edgetl.trainer.run.options import ListOptions


def list(options: ListOptions, as_json: JsonOption = False) -> None:  # noqa: A001
    from edgetl.trainer.run.overview import list_runs
    from edgetl.trainer.run.rendering import print_runs

    found = list_runs(options.runs)
    if as_json:
        print(json.dumps([asdict(run) for run in found], indent=2, default=str))
    elif found:
        print_runs(found)
    else:
        logger.info("no runs in %s", quoted(options.runs))


COMMAND = command(list, epilog="Example: edgetl runs")
