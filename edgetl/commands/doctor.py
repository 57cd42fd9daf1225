"""`edgetl doctor`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from edgetl.command import JsonOption, command


def doctor(
    model: Annotated[
        Path | None, typer.Argument(metavar="[MODEL]", help="A .tflite file to try here.")
    ] = None,
    runtime: Annotated[
        Literal["auto", "litert", "tflite-runtime"], typer.Option(help="What to try it on.")
    ] = "auto",
    as_json: JsonOption = False,
) -> None:
    """The exit status is 1 if something fails: edgetl cannot do its work then.

    A warning says that it can do less of it, or slower.
    """
    from rich.console import Console

    from edgetl.edge.doctor.examine import examine
    from edgetl.edge.doctor.rendering import examination_json, print_examination

    examination = examine(model, runtime=runtime)
    if as_json:
        print(examination_json(examination))
    else:
        print_examination(examination, Console())
    if not examination.healthy:
        raise typer.Exit(1)


COMMAND = command(doctor, epilog="Example: edgetl doctor model.int8.tflite")
