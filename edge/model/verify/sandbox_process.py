"""The subprocess of `sandbox`: RUNTIME, THREADS and perhaps the PATH of a model as arguments.

Without a path it takes the model on stdin, already read and checked. It prints one JSON object:

    {"does_not_load": "why"}    a library does not load
    {"model_problem": "why"}    the file is no model that edgetl takes
    {"refused": "why"}          the runtime does not take it

or of the output for a black and a grey picture {"shape": [...], "dtype": "...", "finite": bool};
with a path, also "declared", the output's shape and dtype as the file says, "model" in words, its
"sha256", and the median "milliseconds" of an inference.
"""

import contextlib
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from edgetl.edge.errors import ModelFileError
from edgetl.edge.model.runtime import choose_runtime
from edgetl.edge.system.standard_streams import keep_stdout

# A model that asks for more memory than there is shall cost this process, not another one.
_FIRST_TO_GO = "1000"

_UNTIMED = 3
_MOST_TIMED = 50
_TIMED_SECONDS = 3.0


def main() -> None:
    """Run the model; a crash is an answer too."""
    runtime, threads, *path = sys.argv[1:]
    with keep_stdout() as answer:
        _expect_a_crash()
        answer.write(json.dumps(_report(runtime, int(threads), *map(Path, path))).encode())


def _expect_a_crash() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    with contextlib.suppress(ImportError, OSError, ValueError):
        # Not on Windows, which leaves no core files either.
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _report(runtime: str, threads: int, path: Path | None = None) -> dict[str, Any]:
    try:
        return _outcome(runtime, threads, path)
    except ModelFileError as error:
        return {"model_problem": str(error)}
    except ImportError as error:
        return {"does_not_load": " ".join(str(error).split())}
    except (ValueError, RuntimeError) as error:
        return {"refused": str(error)}
    except MemoryError:
        return {"refused": "it needs more memory than there is"}


def _outcome(runtime: str, threads: int, path: Path | None) -> dict[str, Any]:
    # Here: it may not load, and may print when it does.
    import numpy as np

    if path is None:
        model, content = None, sys.stdin.buffer.read()
    else:
        from edgetl.edge.model.model_file import read_model_file
        from edgetl.edge.model.quantization import check_scaling

        model = read_model_file(path)
        check_scaling(model)
        content = model.content
    interpreter = choose_runtime(runtime).interpreter(content, threads=threads)
    given = interpreter.get_input_details()[0]
    black, grey = (
        np.full(given["shape"], value, given["dtype"])
        for value in {np.uint8: (0, 127), np.int8: (-128, 0)}.get(given["dtype"], (0, 0.5))
    )

    def infer(picture: Any) -> Any:
        interpreter.set_tensor(given["index"], picture)
        interpreter.invoke()
        return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

    outputs = [infer(black), infer(grey)]
    report: dict[str, Any] = {
        "shape": list(outputs[-1].shape),
        "dtype": outputs[-1].dtype.name,
        "finite": all(bool(np.isfinite(output).all()) for output in outputs),
    }
    if model is not None:
        report["declared"] = model.output.shape, model.output.dtype.name
        report["sha256"] = hashlib.sha256(content).hexdigest()
        size = model.input_size
        report["model"] = f"{len(model.labels)} classes, {size.width}x{size.height}"
        report["milliseconds"] = _median_milliseconds(lambda: infer(grey))
    return report


def _median_milliseconds(call: Any) -> float:
    for _ in range(_UNTIMED):
        call()
    seconds: list[float] = []
    began = time.perf_counter()
    while len(seconds) < _MOST_TIMED and time.perf_counter() - began < _TIMED_SECONDS:
        before = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - before)
    return round(sorted(seconds)[len(seconds) // 2] * 1000, 3)


if __name__ == "__main__":
    main()
