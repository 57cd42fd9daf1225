"""`edgetl export`."""

import typer

from edgetl.command import JsonOption, command
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.messages import logger
from edgetl.trainer.exporting.options import ExportOptions


def export(options: ExportOptions, as_json: JsonOption = False) -> None:
    need_extra("train", needs="edgetl export")
    from edgetl.trainer import export as export_run
    from edgetl.trainer.exporting.rendering import exported_json, print_exported

    exported = export_run(**vars(options))
    if as_json:
        print(exported_json(exported))
    else:
        print_exported(exported)
    for file in exported:
        if file.why:
            logger.warning(f"{file.path.name}: {file.why}")
    if any(file.verdict == "rejected" for file in exported):
        raise typer.Exit(1)


COMMAND = command(export, epilog="Example: edgetl export runs/latest --quantize all --max-drop 0.5")
