"""Running a model in a subprocess, where a damaged one does no harm.

A native interpreter that meets an operator with impossible options or shapes may crash or never
come back. What `edgetl.edge.model.verify.tflite` cannot foresee is found out here. Nothing heavy is
imported: the doctor uses it where NumPy may not load.
"""

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgetl.edge.errors import EdgetlError, ModelFileError, quoted, reason
from edgetl.edge.model.runtime import Runtime
from edgetl.edge.system.native_log import DEBUG_VARIABLE
from edgetl.edge.system.python_subprocess import ending, run_python

if TYPE_CHECKING:
    from edgetl.edge.model.model_file import ModelFile

# For a model's few pictures. The slowest genuine classifiers take seconds on the slowest Raspberry
# Pi, and of them fewer pictures are tried.
SECONDS = 15.0
# To load the libraries, which an emulated processor or a busy one is slow at, and to time.
_MORE_SECONDS = 60.0

# Windows has none; there the timeout ends it.
_ALARM = getattr(signal, "SIGALRM", 14)


@dataclass(frozen=True)
class TimedRun:
    """A model that works here.

    Attributes:
        path: of its file.
        sha256: of the whole file.
        runtime: name and version of the interpreter library.
        threads: how many it inferred with.
        milliseconds: the median time of an inference.
    """

    path: str
    sha256: str
    runtime: str
    threads: int
    milliseconds: float


def load_check(model: "ModelFile", runtime: Runtime, *, threads: int) -> None:
    """Load a model in a subprocess and let it classify a few pictures.

    Raises:
        ModelFileError: it ends the process, does not end within 15 seconds or half a gigabyte more
            than the file explains, or gives values that are not finite or not as the file says.
        RuntimeError: the runtime cannot run it; the message is the runtime's own.
        EdgetlError: no process can be started, or the runtime does not load in it.
    """
    report = _run(model.path, runtime, threads=threads, model=model)
    _check_output(model.path, report, model.output.shape, model.output.dtype.name)


def timed_run(path: Path, runtime: Runtime, *, threads: int) -> tuple[TimedRun, str]:
    """Read a model in a subprocess, check it there as `load_check` does, and measure its inference.

    Returns:
        The run, and in words what the model is: "3 classes, 160x160".

    Raises:
        ModelFileError, RuntimeError, EdgetlError: as `load_check`, and as `read_model_file`.
    """
    report = _run(path, runtime, threads=threads)
    _check_output(path, report, *report["declared"])
    name = f"{runtime.name} {runtime.version}"
    run = TimedRun(str(path), report["sha256"], name, threads, report["milliseconds"])
    return run, report["model"]


def _run(
    path: Path, runtime: Runtime, *, threads: int, model: "ModelFile | None" = None
) -> dict[str, Any]:
    """What the model did: see `sandbox_process`, which reads it from `path` without `model`."""
    interpreter = f"{runtime.name} {runtime.version}"
    arguments = [runtime.name, str(threads), str(SECONDS)]
    if model is None:
        arguments.append(f"path={path}")
    elif model.normalization is not None:
        arguments.append(json.dumps([model.normalization.mean, model.normalization.std]))
    try:
        result = run_python(
            ["-m", "edgetl.edge.model.verify.sandbox_process", *arguments],
            input=model.content if model else b"",
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get(DEBUG_VARIABLE) else subprocess.DEVNULL,
            timeout=SECONDS + _MORE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise _ended(path, interpreter, -_ALARM) from None
    except OSError as error:
        raise EdgetlError(
            f"{quoted(path)}: cannot be checked in a subprocess ({reason(error)}); free some "
            f"memory and try again"
        ) from error
    if result.returncode or not result.stdout:
        raise _ended(path, interpreter, result.returncode)
    report: dict[str, Any] = json.loads(result.stdout)
    if "does_not_load" in report:
        raise EdgetlError(
            f"{interpreter} does not load in a subprocess ({report['does_not_load']}); "
            f"`edgetl doctor` says how to fix it"
        )
    if "model_problem" in report:
        raise ModelFileError(report["model_problem"])
    if "refused" in report:
        raise RuntimeError(report["refused"])
    return report


def _ended(path: Path, interpreter: str, status: int) -> EdgetlError:
    """The error of a process that ended without a report."""
    # Python itself ends with 1 where an import fails; everything else comes from native code.
    if status == 1:
        return EdgetlError(
            f"{interpreter} does not load in a subprocess; {DEBUG_VARIABLE}=1 in the environment "
            f"shows why"
        )
    if status == -_ALARM:
        return ModelFileError(
            f"{quoted(path)}: {interpreter} does not finish it within {SECONDS:.0f} seconds; get "
            f"the file again, or use another model"
        )
    return ModelFileError(
        f"{quoted(path)}: crashes {interpreter} ({ending(status)}); get the file again, or use "
        f"another model"
    )


def _check_output(path: Path, report: dict[str, Any], shape: Sequence[int], dtype: str) -> None:
    if (report["shape"], report["dtype"]) != (list(shape), dtype):
        raise ModelFileError(
            f"{quoted(path)}: gives output {report['shape']} of {report['dtype']} where the file "
            f"says {list(shape)} of {dtype}; get the file again"
        )
    if not report["finite"]:
        raise ModelFileError(
            f"{quoted(path)}: gives values that are not finite; get the file again"
        )
