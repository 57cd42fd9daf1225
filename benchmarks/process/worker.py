"""The process of one case: python -m edgetl.benchmarks.process.worker.

It takes a Job as one line of JSON on stdin, then commands, and answers each with one line of JSON
on what was its stdout:

    {"do": "load", "warm_up": 5}    the first call of the model; calls of the
                                    fastest variant until it is steady, for so many seconds at most
    {"do": "classify", "into": "x.npy"}     probabilities of all pictures, float32, into a file
    {"do": "round", "first": 0, "calls": 20}    milliseconds of calls from picture `first` on

A line {"done": n} in between says that it is alive; {"problem": "why"} is the last one.
"""

import ctypes
import importlib
import json
import signal
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetl.benchmarks.process.engine import Job, Load, Loaded, Variant
from edgetl.edge.errors import EdgetlError
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import Pixels, model_input
from edgetl.edge.system.standard_streams import keep_stdout

# Warm-up ends when the medians of two successive batches agree so well, or after so many seconds.
STEADY_WITHIN = 0.03
# Of calls so short the clock and the interpreter are a part that varies.
_STEADY_WITHIN_MS = 0.02
WARM_UP_SECONDS = 5.0
_BATCH_CALLS = 5
_BATCH_SECONDS = 0.1

# While other cases were timed, caches were filled with their data.
UNCOUNTED_CALLS = 2

# How often a long answer says that it is being worked on.
_SIGN_OF_LIFE_SECONDS = 0.3

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Answer commands until stdin ends."""
    pipe = keep_stdout()
    _end_with_parent()

    def answer(**values: Any) -> None:
        pipe.write(json.dumps(values).encode() + b"\n")
        pipe.flush()

    try:
        values = json.loads(sys.stdin.readline())
        _serve(Job(**{**values, "input_size": InputSize(**values["input_size"])}), answer)
    except EdgetlError as error:
        answer(problem=str(error))
    except MemoryError:
        answer(problem="needs more memory than there is")
    except Exception as error:
        answer(problem=" ".join(f"{type(error).__name__}: {error}".split())[:300])


def _serve(job: Job, answer: Callable[..., None]) -> None:
    load = importlib.import_module(job.engine).prepare(job)
    answer()
    case = _RunningCase(job, answer)
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "load":
            answer(**asdict(case.load(load, command["warm_up"])))
        elif command["do"] == "classify":
            np.save(command["into"], case.classify())
            answer(peak_bytes=peak_bytes())
        else:
            answer(**case.round(command["first"], command["calls"]), peak_bytes=peak_bytes())


class _RunningCase:
    def __init__(self, job: Job, answer: Callable[..., None]) -> None:
        self._job = job
        self._answer = answer
        self._variant: Variant

    def load(self, load: Load, seconds: float) -> Loaded:
        began = time.perf_counter()
        variants = load()
        load_ms = _since(began)
        picture = self._pixels([0])[0]
        name, first_ms = self._fastest(variants, picture)
        variant = self._variant = variants[name]
        milliseconds, steady = warm_up(lambda: variant(picture), seconds)
        return Loaded(name, load_ms, first_ms, milliseconds, steady)

    def _fastest(self, variants: Mapping[str, Variant], picture: Pixels) -> tuple[str, float]:
        """The name of the fastest variant, and milliseconds of its first call."""
        first: dict[str, float] = {}
        later: dict[str, float] = {}
        for name, variant in variants.items():
            call = partial(variant, picture)
            first[name] = _milliseconds(call)
            if len(variants) > 1:
                later[name] = statistics.median(_milliseconds(call) for _ in range(_BATCH_CALLS))
            self._answer(done=len(first))
        name = min(later, key=later.__getitem__) if later else next(iter(variants))
        return name, first[name]

    def classify(self) -> npt.NDArray[np.float32]:
        answers: list[npt.NDArray[np.float32]] = []
        said = time.monotonic()
        for index in range(len(self._job.pictures)):
            answers.append(self._variant(self._pixels([index])[0]))
            if time.monotonic() - said > _SIGN_OF_LIFE_SECONDS:
                said = time.monotonic()
                self._answer(done=len(answers))
        return np.stack(answers)

    def round(self, first: int, calls: int) -> dict[str, list[float]]:
        job, variant, input_size = self._job, self._variant, self._job.input_size
        indices = [(first + number) % len(job.pictures) for number in range(calls)]
        pictures = self._pixels(indices)
        encoded = [Path(job.pictures[index]).read_bytes() for index in indices]
        for number in range(min(UNCOUNTED_CALLS, calls)):
            variant(model_input(encoded[number], input_size))
        return {
            "invoke": [_milliseconds(partial(variant, pixels)) for pixels in pictures],
            "end_to_end": [
                _milliseconds(lambda: variant(model_input(content, input_size)))  # noqa: B023
                for content in encoded
            ],
        }

    def _pixels(self, indices: list[int]) -> Pixels:
        # Mapped again each time, and copied: pages of a mapping that stays open count as this
        # process's memory.
        return np.array(np.load(self._job.pixels, mmap_mode="r")[indices])


def warm_up(call: Callable[[], Any], seconds: float) -> tuple[float, bool]:
    """Call until it takes the same time again and again, or for so many seconds.

    Returns:
        The median milliseconds of the last batch of calls, and whether it was steady in the end.
    """
    ends = time.perf_counter() + seconds
    before = 0.0
    while True:
        times: list[float] = []
        while len(times) < _BATCH_CALLS or sum(times) < 1000 * _BATCH_SECONDS:
            times.append(_milliseconds(call))
        median = statistics.median(times)
        if before and abs(median - before) <= max(STEADY_WITHIN * before, _STEADY_WITHIN_MS):
            return median, True
        if time.perf_counter() > ends:
            return median, False
        before = median


def _since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)


def _milliseconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return _since(began)


def peak_bytes() -> int:
    """The most memory that this process has had, 0 where the system does not say."""
    try:
        # Not getrusage on Linux: that begins with the memory of the process which started this one.
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return next(
            1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")
        )
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


def _end_with_parent() -> None:
    """Else a model that never comes back would run on when the parent was killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main()
