"""The whole examination, in the order in which it is shown."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from edgetl.edge.doctor.cameras import camera_checks
from edgetl.edge.doctor.check import Check, Examination
from edgetl.edge.doctor.libraries import SECONDS, library_checks
from edgetl.edge.doctor.machine import machine_checks
from edgetl.edge.doctor.python import python_checks
from edgetl.edge.errors import EdgetlError, ModelFileError, quoted
from edgetl.edge.model.runtime import RuntimeChoice, choose_runtime, default_threads
from edgetl.edge.model.verify.sandbox import TimedRun, timed_run
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

    A model that does not work is the failed check "model".
    """
    ends = time.monotonic() + SECONDS
    checks = [
        *python_checks(),
        *library_checks(ends=ends),
        *camera_checks(ends=ends),
        *machine_checks(),
    ]
    if options.model is None:
        return Examination(tuple(checks), None)
    check, run = _model(options.model, options.runtime)
    return Examination((*checks, check), run)


def _model(model: Path, runtime: str) -> tuple[Check, TimedRun | None]:
    """Whether a model classifies a grey picture in a subprocess, and how fast."""
    name = quoted(model)
    try:
        chosen = choose_runtime(runtime)
        run, facts = timed_run(model, chosen, threads=default_threads())
    except ModelFileError as error:
        return _failed(str(error), "export it again, or copy it again"), None
    except EdgetlError as error:
        return _failed(f"{name}: {error}", "see the checks above it"), None
    except RuntimeError as error:
        words = " ".join(str(error).split())
        found = f"{name}: {chosen.name} {chosen.version} cannot run it ({words})"
        return _failed(found, "another --runtime, or export it again"), None
    found = f"{name}: {facts}, {run.milliseconds:.1f} ms on {run.runtime}, {run.threads} threads"
    return Check("model", "ok", found), run


def _failed(found: str, remedy: str) -> Check:
    return Check("model", "fail", found, remedy)
