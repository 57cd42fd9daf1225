"""`edgetl inspect`."""

import json
from pathlib import Path

from edgetl.command import JsonOption, command
from edgetl.edge.errors import quoted
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.messages import logger
from edgetl.trainer.options import InspectOptions


def inspect(options: InspectOptions, as_json: JsonOption = False) -> None:
    need_extra("train", needs="edgetl inspect")
    if options.apply:
        _apply(options.data_or_default, options.apply, as_json)
        return
    from edgetl.trainer import inspection
    from edgetl.trainer.inspection_page import write_inspection_page

    found = inspection.inspect(options)
    if as_json:
        print(json.dumps(inspection.inspection_json(found), indent=2, ensure_ascii=False))
    else:
        print("\n".join(map(quoted, inspection.inspection_lines(found))))
    write_inspection_page(options.page, found)
    logger.info("page       %s", quoted(options.page))
    if options.moves:
        logger.info("moves      %s", quoted(options.moves))


def _apply(data: str, moves: Path, as_json: bool) -> None:
    from edgetl.trainer.doubtful.applying import applied_json, applied_lines, apply_moves

    applied = apply_moves(Path(data), moves)
    if as_json:
        print(json.dumps(applied_json(applied), indent=2, ensure_ascii=False))
    else:
        print("\n".join(map(quoted, applied_lines(Path(data), applied))))


COMMAND = command(inspect, epilog="Example: edgetl inspect photos")
