"""Does a model work here, and how fast?"""

import json
import subprocess
from pathlib import Path

from edgetl.edge.doctor.check import Check, TrialRun
from edgetl.edge.errors import quoted, reason
from edgetl.edge.system.python_subprocess import run_python

# An emulated processor takes half a second for a picture, and some to load the libraries.
_SECONDS = 180.0
_LOOK_ABOVE = "see the checks above it"


def try_run(model: Path, *, runtime: str) -> tuple[Check, TrialRun | None]:
    """Let a model classify a grey picture some times, in a process of its own.

    Args:
        model: a .tflite file.
        runtime: "auto", "litert" or "tflite-runtime".

    Returns:
        The check "model", and the run if it went well.
    """
    name = quoted(model)
    try:
        done = run_python(
            ["-m", "edgetl.edge.doctor.test_inference_process", str(model.absolute()), runtime],
            capture_output=True, text=True, errors="replace", timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError as error:
        return Check(
            "model", "fail", f"{name}: cannot be tried ({reason(error)})", _LOOK_ABOVE
        ), None
    except subprocess.TimeoutExpired:
        found = f"{name}: gives no answer within {_SECONDS:.0f} seconds"
        return Check("model", "fail", found, "another --runtime, or get the file again"), None
    if done.returncode or not done.stdout:
        words = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        return Check("model", "fail", f"{name}: cannot be tried ({words})", _LOOK_ABOVE), None
    told = json.loads(done.stdout)
    if "problem" in told:
        return Check("model", "fail", told["problem"], "export it anew, or copy it again"), None
    facts = told.pop("facts")
    run = TrialRun(path=str(model), **told)
    found = f"{name}: {facts}, {run.milliseconds:.1f} ms on {run.runtime}, {run.threads} threads"
    return Check("model", "ok", found), run
