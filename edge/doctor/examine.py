"""The whole examination, in the order in which it is shown."""

from collections.abc import Iterator
from pathlib import Path

from edgetl.edge.doctor.cameras import camera_checks
from edgetl.edge.doctor.check import Check, Examination
from edgetl.edge.doctor.libraries import library_checks
from edgetl.edge.doctor.machine import machine_checks
from edgetl.edge.doctor.model import model_check
from edgetl.edge.doctor.python import python_checks


def examine(model: Path | None = None, *, runtime: str = "auto") -> Examination:
    """Look at this device, and let a model classify a picture on it.

    Args:
        model: a .tflite file to test.
        runtime: what to test it on: "auto", "litert" or "tflite-runtime".

    Returns:
        The checks. A model that does not work is the failed check "model".
    """
    checks = list(_checks())
    if model is None:
        return Examination(tuple(checks), None)
    check, inference = model_check(model, runtime=runtime)
    return Examination((*checks, check), inference)


def _checks() -> Iterator[Check]:
    yield from python_checks()
    yield from library_checks()
    yield from camera_checks()
    yield from machine_checks()
