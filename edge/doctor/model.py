"""Does a model work here, and how fast?"""

from pathlib import Path

from edgetl.edge.doctor.check import Check
from edgetl.edge.errors import EdgetlError, ModelFileError, quoted
from edgetl.edge.model.runtime import choose_runtime, default_threads
from edgetl.edge.model.verify.sandbox import TimedRun, timed_run


def model_check(model: Path, *, runtime: str) -> tuple[Check, TimedRun | None]:
    """Let a model classify a grey picture some times, in a subprocess.

    Args:
        model: a .tflite file.
        runtime: "auto", "litert" or "tflite-runtime".

    Returns:
        The check "model", and the run if it went well.
    """
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
