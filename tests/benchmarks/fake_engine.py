"""An engine whose model does what the job's `runtime` says."""

import os
import signal
import time

import numpy as np

from edgetl.benchmarks.process.engine import Job, Load, Variant


def prepare(job: Job) -> Load:
    """Behaviours: "sleep SECONDS", "abort", "raise", "hang", "nan", "late abort", "print", "kill",
    and "ways", of which one is slow.
    """
    began = time.monotonic()
    kind, _, seconds = job.runtime.partition(" ")

    def infer(pixels: np.ndarray) -> np.ndarray:
        if kind == "sleep":
            time.sleep(float(seconds))
        elif kind == "abort" or (kind == "late" and time.monotonic() - began > 4):
            os.abort()
        elif kind == "raise":
            raise RuntimeError("no such\noperator")
        elif kind == "hang":
            time.sleep(600)
        elif kind == "kill":
            os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
            os.kill(os.getpid(), signal.SIGKILL)
        elif kind == "print":
            os.write(1, b"native greeting\n")
        time.sleep(0.0005)
        answer = np.array([0.25, 0.75], np.float32)
        return answer * np.nan if kind == "nan" else answer

    def load() -> dict[str, Variant]:
        time.sleep(0.002)
        if kind == "ways":
            return {"slow": lambda _: time.sleep(0.02) or infer(_), "fast": infer}
        return {"": infer}

    return load
