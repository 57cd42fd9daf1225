"""`edgetl info`."""

import json

from edgetl.command import JsonOption, command
from edgetl.edge.model.info import InfoOptions, info_text
from edgetl.edge.model.info import info as model_info


def info(options: InfoOptions, as_json: JsonOption = False) -> None:
    facts = model_info(options)
    print(json.dumps(facts, indent=2, ensure_ascii=False) if as_json else info_text(facts))


COMMAND = command(info, epilog="Example: edgetl info model.int8.tflite")
