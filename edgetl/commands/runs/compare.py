"""`edgetl runs compare`."""

import json
from dataclasses import asdict

from edgetl.command import JsonOption, command
from edgetl.trainer.run.options import CompareOptions


def compare(options: CompareOptions, as_json: JsonOption = False) -> None:
    from edgetl.trainer.run.overview import compare_runs
    from edgetl.trainer.run.rendering import print_comparison

    comparison = compare_runs(options.first, options.second)
    if as_json:
        print(json.dumps(asdict(comparison), indent=2))
    else:
        print_comparison(comparison, (str(options.first), str(options.second)))


COMMAND = command(compare, epilog="Example: edgetl runs compare runs/a runs/b")
