"""`edgetl doctor`."""

import typer

from edgetl.command import JsonOption, command
from edgetl.edge.doctor.examine import DoctorOptions, examine


def doctor(options: DoctorOptions, as_json: JsonOption = False) -> None:
    """The exit status is 1 if something fails: edgetl cannot do its work then.

    A warning says that it can do less of it, or slower.
    """
    from rich.console import Console

    from edgetl.edge.doctor.rendering import examination_json, print_examination

    examination = examine(options)
    if as_json:
        print(examination_json(examination))
    else:
        print_examination(examination, Console())
    if not examination.healthy:
        raise typer.Exit(1)


COMMAND = command(doctor, epilog="Example: edgetl doctor model.int8.tflite")
