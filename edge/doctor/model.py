"""Does a model work here, and how fast?"""

from pathlib import Path

from edgetl.edge.doctor.check import Check, Inference
from edgetl.edge.errors import EdgetlError, ModelFileError, quoted
from edgetl.edge.model.runtime import choose_runtime, default_threads
from edgetl.edge.model.verify.sandbox import timed_run


def model_check(model: Path, *, runtime: str) -> tuple[Check, Inference | None]:
    """Let a model classify a grey picture some times, in a subprocess.

    Args:
        model: a .tflite file.
        runtime: "auto", "litert" or "tflite-runtime".

    Returns:
        The check "model", and the inference if it went well.
    """
    name, threads = quoted(model), default_threads()
    try:
        chosen = choose_runtime(runtime)
        run = timed_run(model, chosen, threads=threads)
    except ModelFileError as error:
        return _failed(str(error), "export it again, or copy it again"), None
    except EdgetlError as error:
        return _failed(f"{name}: {error}", "see the checks above it"), None
    except RuntimeError as error:
        words = " ".join(str(error).split())
        found = f"{name}: {chosen.name} {chosen.version} cannot run it ({words})"
        return _failed(found, "another --runtime, or export it again"), None
    label = f"{chosen.name} {chosen.version}"
    found = (
        f"{name}: {run.classes} classes, {run.width}x{run.height}, {run.milliseconds:.1f} ms on "
        f"{label}, {threads} threads"
    )
    inference = Inference(str(model), run.sha256, label, threads, run.milliseconds)
    return Check("model", "ok", found), inference


def _failed(found: str, remedy: str) -> Check:
    return Check("model", "fail", found, remedy)
