"""The whole examination, in the order in which it is shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgetl.edge.doctor.cameras import camera_checks
from edgetl.edge.doctor.check import Check, Examination
from edgetl.edge.doctor.libraries import library_checks
from edgetl.edge.doctor.machine import machine_checks
from edgetl.edge.doctor.model import model_check
from edgetl.edge.doctor.python import python_checks
from edgetl.edge.model.runtime import RuntimeChoice
from edgetl.edge.options import Option, Options


@dataclass(frozen=True)
class DoctorOptions(Options):
    """Options of `edgetl doctor`."""

    model: Annotated[
        Path | None, Option("A .tflite file to test here.", argument=True, metavar="[MODEL]")
    ] = None
    runtime: Annotated[RuntimeChoice, Option("What to test it on.")] = "auto"


def examine(options: DoctorOptions) -> Examination:
    """Look at this device, and let a model classify a picture on it.

    Returns:
        The checks. A model that does not work is the failed check "model".
    """
    checks = list(_checks())
    if options.model is None:
        return Examination(tuple(checks), None)
    check, run = model_check(options.model, runtime=options.runtime)
    return Examination((*checks, check), run)


def _checks() -> Iterator[Check]:
    yield from python_checks()
    yield from library_checks()
    yield from camera_checks()
    yield from machine_checks()
