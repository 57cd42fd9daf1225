"""Trying a model that edgetl did not make in a process of its own, before this one loads it.

A native interpreter that meets an operator with impossible options or shapes may crash or never
come back. What `edgetl.edge.model.verify.tflite` cannot foresee is found out where it does no harm.
"""

import json
import os
import signal
import subprocess

from edgetl.edge.errors import EdgetlError, ModelFileError, quoted, reason
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.runtime import Runtime
from edgetl.edge.system.native_log import DEBUG_VARIABLE
from edgetl.edge.system.python_subprocess import run_python

# The slowest genuine classifiers take seconds on the slowest Raspberry Pi.
SECONDS = 60.0


def try_model(model: ModelFile, runtime: Runtime, *, threads: int) -> None:
    """Load a model in a process of its own and let it classify a black and a grey picture.

    Raises:
        ModelFileError: it ends the process, does not end within 60 seconds, or gives something else
            than the file says.
        RuntimeError: the runtime cannot run it; the message is the runtime's own.
        EdgetlError: no process can be started, or the runtime does not load in it.
    """
    path, interpreter = quoted(model.path), f"{runtime.name} {runtime.version}"
    try:
        result = run_python(
            ["-m", "edgetl.edge.model.verify.load_check_process", runtime.name, str(threads)],
            input=model.content,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get(DEBUG_VARIABLE) else subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ModelFileError(
            f"{path}: keeps {interpreter} busy without end; get the file again, or use another "
            f"model"
        ) from None
    except OSError as error:
        raise EdgetlError(
            f"{path}: cannot be tried in a process of its own ({reason(error)}); "
            f"free some memory and try again"
        ) from error
    # Python itself ends with 1 where an import fails; everything else comes from native code.
    if result.returncode == 1:
        raise EdgetlError(
            f"{interpreter} does not load in a process of its own; {DEBUG_VARIABLE}=1 in the "
            f"environment shows why"
        )
    if result.returncode or not result.stdout:
        raise ModelFileError(
            f"{path}: crashes {interpreter} ({_ending(result.returncode)}); get the file again, "
            f"or use another model"
        )
    report = json.loads(result.stdout)
    if "refused" in report:
        raise RuntimeError(report["refused"])
    given = (report["shape"], report["dtype"])
    if given != (list(model.output.shape), model.output.dtype.name):
        raise ModelFileError(
            f"{path}: gives output {given[0]} of {given[1]} where the file says "
            f"{list(model.output.shape)} of {model.output.dtype.name}; get the file again"
        )
    if not report["finite"]:
        raise ModelFileError(
            f"{path}: gives values that are no numbers for a grey picture; get the file again"
        )


def _ending(status: int) -> str:
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"status {status}"
