"""A whole benchmark: each case in a fresh process of its own, evaluated, then timed in rounds."""

import contextlib
import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetl import __version__
from edgetl.benchmarks.cases import Plan, PlannedCase
from edgetl.benchmarks.machine import condition, this_machine
from edgetl.benchmarks.measured import (
    FORMAT,
    Case,
    Failure,
    Latency,
    Measured,
    NothingMeasuredError,
    Quality,
    Ratio,
)
from edgetl.benchmarks.pictures import Pictures, decoded
from edgetl.benchmarks.process.case_process import PATIENCE_SECONDS, CaseFailedError, CaseProcess
from edgetl.benchmarks.process.engine import Loaded
from edgetl.benchmarks.process.worker import WARM_UP_SECONDS
from edgetl.benchmarks.rounds import Timed, timed_rounds
from edgetl.edge.errors import DataError, plural, quoted
from edgetl.trainer.exporting.parity import parity
from edgetl.trainer.metrics import Probabilities, macro_f1
from edgetl.trainer.progress import whole_display

MOST_CALLS = 20
_FEWEST_CALLS = 3
# A round of all cases takes so long at most; slow models get fewer calls, down to the fewest.
_ROUND_SECONDS = 8.0

_SAMPLES = 1000

# What is ahead before anything has been measured, seconds.
_GUESSED_KERAS, _GUESSED_FILE = 25.0, 4.0
_GUESSED_ROUND = 4.0
# Of decoding a picture, for what is ahead.
_DECODING_MS = 3.0


@dataclass(frozen=True)
class Benchmark:
    """What came of it; `keras_probabilities`, float32 [pictures, classes], if Keras gave any here.

    `pictures` are those that could be read.
    """

    measured: Measured
    pictures: Pictures
    keras_probabilities: Probabilities | None


@dataclass(frozen=True)
class _Ready:
    """A case whose process waits for its rounds; `probabilities`: float32 [pictures, classes]."""

    case: PlannedCase
    process: CaseProcess
    loaded: Loaded
    probabilities: Probabilities | None


def measure(
    plan: Plan,
    folder: Path,
    *,
    rounds: int,
    warm_up: float = WARM_UP_SECONDS,
    patience: float = PATIENCE_SECONDS,
) -> Benchmark:
    """Measure everything that is planned. A case that fails is a Failure; the others stand.

    Ctrl-C during the rounds ends them; what was finished is kept.

    Args:
        folder: for decoded pictures and the like; to be thrown away afterwards.
        warm_up: seconds at most that a model is called until it is steady.
        patience: as CaseProcess.

    Raises:
        DataError: no picture can be read.
        NothingMeasuredError: no case could be measured.
        KeyboardInterrupt: no round was finished.
    """
    pictures, planned, digests, notes = _decode_all(plan, folder / "pixels")
    packed = None
    if plan.packed:
        packed = plan.packed.of([plan.pictures.paths.index(path) for path in pictures.paths])
    before = condition()
    failures = list(plan.failures)
    with contextlib.ExitStack() as stack, whole_display() as show:
        timing = rounds * _GUESSED_ROUND
        ready, failed = _prepare_all(planned, folder, stack, show, timing, warm_up, patience)
        failures += failed
        if not ready:
            raise NothingMeasuredError(failures)
        one_call = sum(2 * one.loaded.milliseconds + _DECODING_MS for one in ready.values()) / 1000
        calls = max(_FEWEST_CALLS, min(MOST_CALLS, int(_ROUND_SECONDS / one_call)))
        began = time.perf_counter()

        def show_round(done: int) -> None:
            a_round = (time.perf_counter() - began) / done if done else calls * one_call
            show(f"round {done + 1} of {rounds}", (rounds - done) * a_round)

        processes = {number: one.process for number, one in ready.items()}
        timed = timed_rounds(processes, rounds=rounds, calls=calls, begin=show_round)
    after = condition()
    failures += [plan.cases[number].failure(why) for number, why in timed.failed.items()]
    if not timed.turns:
        raise NothingMeasuredError(failures)
    notes += [
        f"{ready[number].case.name} on {ready[number].case.engine}: times were not steady after "
        f"{warm_up:g} seconds of warm-up"
        for number in timed.turns
        if not ready[number].loaded.steady
    ]
    notes += _throttling_notes(timed)
    # Its answers stand even where it has failed since.
    keras = next((one for one in ready.values() if one.case.is_keras), None)
    reference = keras.probabilities if keras else packed.probabilities if packed else None
    cases = []
    if packed:
        quality = _quality(packed.probabilities, None, pictures)
        cases += [replace(case, quality=quality) for case in packed.cases]
    cases += _results(ready, timed, reference, pictures)
    measured = Measured(
        format=FORMAT,
        edgetl=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=this_machine(before, after),
        split=pictures.split,
        labels=pictures.labels,
        fingerprint=hashlib.sha256("\n".join(digests).encode()).hexdigest(),
        targets=pictures.targets,
        rounds=len(timed.throttled),
        rounds_asked=rounds,
        calls=calls,
        stopped=timed.stopped,
        cases=tuple(cases),
        failures=tuple(failures),
        notes=(*plan.notes, *notes),
    )
    return Benchmark(measured, pictures, keras.probabilities if keras else None)


def _decode_all(
    plan: Plan, folder: Path
) -> tuple[Pictures, list[PlannedCase], list[str], list[str]]:
    """The pictures that can be read, the cases with them, their digests, and what to note."""
    pictures, notes = plan.pictures, []
    input_sizes = list(dict.fromkeys(case.job.input_size for case in plan.cases))
    first = decoded(pictures, input_sizes[0], folder)
    if first.errors:
        readable = [index for index in range(len(pictures.paths)) if index not in first.errors]
        index, why = next(iter(first.errors.items()))
        bad = f"{quoted(pictures.paths[index])}: {why}"
        if not readable:
            raise DataError(f"{bad}; no picture can be read: name others with --data")
        more = f", and {len(first.errors) - 1} more" if len(first.errors) > 1 else ""
        notes.append(f"left out {bad}{more}")
        pictures = pictures.of(readable)
        first = decoded(pictures, input_sizes[0], folder)
    pixels = {input_sizes[0]: first.pixels.path}
    for input_size in input_sizes[1:]:
        pixels[input_size] = decoded(pictures, input_size, folder).pixels.path
    paths = [str(path) for path in pictures.paths]
    jobs = (
        replace(case.job, pixels=str(pixels[case.job.input_size]), pictures=paths)
        for case in plan.cases
    )
    cases = [replace(case, job=job) for case, job in zip(plan.cases, jobs, strict=True)]
    return pictures, cases, first.digests, notes


def _prepare_all(
    cases: Sequence[PlannedCase],
    folder: Path,
    stack: contextlib.ExitStack,
    show: Callable[[str, float], None],
    timing: float,
    warm_up: float,
    patience: float,
) -> tuple[dict[int, _Ready], list[Failure]]:
    """The cases that are ready, by number, until `stack` ends; and the failures of the others.

    `show` is called with what is being done, and the seconds that all will take yet; `timing` are
    those of the rounds.
    """
    ahead = [_GUESSED_KERAS if case.is_keras else _GUESSED_FILE for case in cases] + [timing]
    ready, failures = {}, []
    for number, case in enumerate(cases):
        doing = f"{case.name} on {case.engine}, {plural(case.job.threads, 'thread')}"

        def advance(seconds: float, number: int = number, doing: str = doing) -> None:
            ahead[number] = seconds
            show(doing, sum(ahead))

        advance(ahead[number])
        try:
            ready[number] = _prepare(case, folder / f"{number}", advance, warm_up, patience)
            stack.callback(ready[number].process.close)
        except CaseFailedError as error:
            failures.append(case.failure(str(error)))
        advance(0.0)
    return ready, failures


def _prepare(
    case: PlannedCase,
    files: Path,
    advance: Callable[[float], None],
    warm_up: float,
    patience: float,
) -> _Ready:
    """Start a case's process, load and warm its model and let it classify; `files` is a stem."""
    process = CaseProcess(case.job, files.with_suffix(".log"), patience=patience)
    try:
        loaded = Loaded(**process.ask("load", warm_up=warm_up))

        def heard(done: int) -> None:
            advance(loaded.milliseconds / 1000 * (len(case.job.pictures) - done))

        probabilities = None
        if case.columns is not None:
            heard(0)
            into = files.with_suffix(".npy")
            process.ask("classify", heard=heard, into=str(into))
            found = np.load(into)
            if not np.isfinite(found).all():
                raise CaseFailedError("gives values that are no numbers")
            # Where a model has no such label, its probability is 0.
            probabilities = np.pad(found, [(0, 0), (0, 1)])[:, list(case.columns)]
        return _Ready(case, process, loaded, probabilities)
    except BaseException:
        process.close()
        raise


def _throttling_notes(timed: Timed) -> list[str]:
    slowed = {n: why for n, why in enumerate(timed.throttled, 1) if why}
    if not slowed:
        return []
    numbers, words = ", ".join(map(str, slowed)), ", ".join(dict.fromkeys(slowed.values()))
    if len(slowed) == len(timed.throttled):
        return [f"every round was throttled ({words}): the figures are a throttled machine's"]
    return [f"throttled ({words}) and not counted: rounds {numbers}"]


def latency(times: Sequence[Sequence[float]], counts: Sequence[bool]) -> Latency:
    """Figures of milliseconds by round, `counts` saying which rounds count.

    Where none counts all are described, and each round's median is None.
    """
    calls = _counted(times, counts)
    p50, p90, p99 = np.percentile(calls, (50, 90, 99)).tolist()
    taken = np.linspace(0, len(calls) - 1, min(len(calls), _SAMPLES)).round().astype(int)
    return Latency(
        p50=p50,
        p90=p90,
        p99=p99,
        rounds=tuple(
            float(median(a_round)) if good else None
            for a_round, good in zip(times, counts, strict=True)
        ),
        samples=tuple(round(float(value), 4) for value in calls[taken]),
    )


def _counted(times: Sequence[Sequence[float]], counts: Sequence[bool]) -> npt.NDArray[np.float64]:
    counted = [a_round for a_round, good in zip(times, counts, strict=True) if good] or times
    return np.concatenate([np.asarray(a_round, np.float64) for a_round in counted])


def ratio(mine: Latency, keras: Latency) -> Ratio | None:
    """How many times faster than Keras, round by round; None if no round counts."""
    pairs = zip(mine.rounds, keras.rounds, strict=True)
    ratios = [theirs / ours for ours, theirs in pairs if ours is not None and theirs is not None]
    if not ratios:
        return None
    low, middle, high = np.percentile(ratios, (25, 50, 75)).tolist()
    return Ratio(middle, low, high)


def _results(
    ready: Mapping[int, _Ready], timed: Timed, reference: Probabilities | None, pictures: Pictures
) -> Iterator[Case]:
    """The cases that have gone through all rounds, compared with Keras' `reference`."""
    counts = [not why for why in timed.throttled]
    invoke = {
        number: latency([turn.invoke for turn in turns], counts)
        for number, turns in timed.turns.items()
    }
    # Compared with Keras on as many threads.
    keras = {ready[n].case.job.threads: invoke[n] for n in invoke if ready[n].case.is_keras}
    for number, turns in timed.turns.items():
        case, loaded = ready[number].case, ready[number].loaded
        end_to_end = [turn.end_to_end for turn in turns]
        beside = None if case.is_keras else keras.get(case.job.threads)
        yield Case(
            name=case.name,
            engine=case.engine,
            variant=loaded.variant,
            threads=case.job.threads,
            elsewhere=None,
            bytes=case.bytes,
            sha256=case.sha256,
            load_ms=loaded.load_ms,
            first_ms=loaded.first_ms,
            invoke=invoke[number],
            end_to_end=latency(end_to_end, counts),
            pictures_per_second=1000 / float(_counted(end_to_end, counts).mean()),
            peak_bytes=timed.peak_bytes[number],
            quality=_quality(
                ready[number].probabilities, None if case.is_keras else reference, pictures
            ),
            ratio=ratio(invoke[number], beside) if beside else None,
        )


def _quality(
    probabilities: Probabilities | None, keras: Probabilities | None, pictures: Pictures
) -> Quality | None:
    if probabilities is None or not pictures.targets:
        return None
    targets = np.array(pictures.targets)
    beside = parity(probabilities, probabilities if keras is None else keras, targets)
    predicted: Any = probabilities.argmax(axis=1)
    return Quality(
        accuracy=beside.accuracy,
        accuracy_interval=beside.accuracy_interval,
        macro_f1=macro_f1(targets, predicted, classes=len(pictures.labels)),
        agreement=None if keras is None else beside.agreement,
        mcnemar_p=None if keras is None else beside.mcnemar_p,
        largest_difference=None if keras is None else beside.largest_difference,
        predicted=tuple(predicted.tolist()),
        ece=beside.ece,
    )
