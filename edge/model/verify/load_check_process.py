"""The process in which `load_check` runs a model: RUNTIME and THREADS as arguments.

It takes the model on stdin and prints one JSON object: {"refused": "why"} where the runtime does
not take it, else of its output for a black and a grey picture {"shape": [...], "dtype": "...",
"finite": bool}.
"""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.edge.model.runtime import Runtime, choose_runtime

# A model that asks for more memory than there is shall cost this process, not another one.
_FIRST_TO_GO = "1000"


def main() -> None:
    """Run the model; a crash is an answer too."""
    runtime, threads = choose_runtime(sys.argv[1]), int(sys.argv[2])
    # What native code prints shall not come between.
    answer = os.dup(1)
    os.dup2(2, 1)
    _expect_the_worst()
    content = sys.stdin.buffer.read()
    try:
        report = _outcome(runtime, content, threads)
    except (ValueError, RuntimeError) as error:
        report = {"refused": str(error)}
    except MemoryError:
        report = {"refused": "it needs more memory than there is"}
    os.write(answer, json.dumps(report).encode())


def _expect_the_worst() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
    with contextlib.suppress(ImportError, OSError, ValueError):
        # Not on Windows, which leaves no core files either.
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _outcome(runtime: Runtime, content: bytes, threads: int) -> dict[str, Any]:
    interpreter = runtime.interpreter(content, threads=threads)
    place = interpreter.get_input_details()[0]
    shape, dtype = place["shape"], place["dtype"]
    black, grey = {np.uint8: (0, 127), np.int8: (-128, 0)}.get(dtype, (0, 0.5))
    outputs = []
    for value in (black, grey):
        interpreter.set_tensor(place["index"], np.full(shape, value, dtype))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return {
        "shape": list(outputs[-1].shape),
        "dtype": outputs[-1].dtype.name,
        "finite": all(bool(np.isfinite(output).all()) for output in outputs),
    }


if __name__ == "__main__":
    main()
