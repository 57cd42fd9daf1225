"""The process in which `test_inference` tries a model: MODEL RUNTIME as arguments.

It prints one JSON object: what the trial gave, or {"problem": "why it cannot be"}.
"""

import hashlib
import sys
import time
from pathlib import Path
from typing import Any

from edgetl.edge.doctor.answer import give, only_answer
from edgetl.edge.errors import EdgetlError
from edgetl.edge.system.native_log import hidden_native_log

_UNTIMED = 3
_MOST = 50
_SECONDS = 3.0


def main() -> None:
    """Try it."""
    answer = only_answer()
    try:
        report = _tried(Path(sys.argv[1]), sys.argv[2])
    except EdgetlError as error:
        report = {"problem": str(error)}
    give(answer, report)


def _tried(path: Path, runtime: str) -> dict[str, Any]:
    # They may print when they are imported.
    import numpy as np

    from edgetl.edge.model.classifier import Classifier

    with hidden_native_log():
        classifier = Classifier(path, runtime=runtime)
    size = classifier.model.input_size
    grey = np.full((size.height, size.width, 3), 127, np.uint8)
    for _ in range(_UNTIMED):
        classifier.infer(grey)
    seconds: list[float] = []
    began = time.perf_counter()
    while len(seconds) < _MOST and time.perf_counter() - began < _SECONDS:
        before = time.perf_counter()
        classifier.infer(grey)
        seconds.append(time.perf_counter() - before)
    median = sorted(seconds)[len(seconds) // 2]
    return {
        "sha256": hashlib.sha256(classifier.model.content).hexdigest(),
        "runtime": f"{classifier.runtime.name} {classifier.runtime.version}",
        "threads": classifier.threads,
        "milliseconds": round(median * 1000, 3),
        "facts": f"{len(classifier.labels)} classes, {size.width}x{size.height}",
    }


if __name__ == "__main__":
    main()
