"""A whole benchmark: each row in a fresh process of its own, judged, then timed in rounds."""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from edgetl import __version__
from edgetl.benchmarks.cases import Plan, Subject
from edgetl.benchmarks.machine import condition, this_machine
from edgetl.benchmarks.measured import (
    FORMAT,
    Failure,
    Latency,
    Measured,
    NothingMeasuredError,
    Quality,
    Ratio,
    Row,
)
from edgetl.benchmarks.pictures import Decoded, Pictures, decoded, fingerprint
from edgetl.benchmarks.process.case_process import PATIENCE_SECONDS, RowFailedError, RowProcess
from edgetl.benchmarks.process.engine import Job
from edgetl.benchmarks.process.worker import WARM_UP_SECONDS
from edgetl.benchmarks.rounds import Timed, Turn, timed_rounds
from edgetl.edge.errors import DataError, plural, quoted
from edgetl.edge.model.input_size import InputSize
from edgetl.trainer.exporting.parity import parity
from edgetl.trainer.metrics import Probabilities, macro_f1
from edgetl.trainer.progress import say, whole_display

ROUNDS = 15
MOST_CALLS = 20
_LEAST_CALLS = 3
# A round of all rows takes so long at most; slow models get fewer calls, down to the least.
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


@dataclass
class _Ready:
    """A row whose process waits for its rounds."""

    process: RowProcess
    way: str
    load_ms: float
    first_ms: float
    milliseconds: float
    steady: bool
    probabilities: Probabilities | None


def benchmark(
    plan: Plan,
    folder: Path,
    *,
    rounds: int = ROUNDS,
    warm_up: float = WARM_UP_SECONDS,
    patience: float = PATIENCE_SECONDS,
) -> Benchmark:
    """Measure everything that is planned. A row that fails is a Failure; the others stand.

    Ctrl-C during the rounds ends them; what was finished is kept.

    Args:
        plan: what to measure.
        folder: for decoded pictures and the like; to be thrown away afterwards.
        rounds: how many.
        warm_up: seconds at most that a model is called until it is steady.
        patience: as RowProcess.

    Raises:
        DataError: no picture can be read.
        NothingMeasuredError: no row could be measured.
        KeyboardInterrupt: no round was finished.
    """
    pictures, pixels, digests, notes = _decode_all(plan, folder)
    kept = None
    if plan.packed:
        places = [plan.pictures.paths.index(path) for path in pictures.paths]
        kept = plan.packed.of(places).probabilities
    before = condition()
    failures = list(plan.failures)
    ready: dict[int, _Ready] = {}
    with contextlib.ExitStack() as stack, whole_display() as show:
        ahead = {
            number: _GUESSED_KERAS if subject.is_keras else _GUESSED_FILE
            for number, subject in enumerate(plan.subjects)
        }
        for number, subject in enumerate(plan.subjects):
            doing = f"{subject.name} on {subject.engine}, {plural(subject.threads, 'thread')}"

            def tell(seconds: float, number: int = number, doing: str = doing) -> None:
                ahead[number] = seconds
                show(doing, sum(ahead.values()) + rounds * _GUESSED_ROUND)

            tell(ahead[number])
            job = _job(subject, pictures, pixels[subject.input_size])
            try:
                ready[number] = _prepare(
                    job, subject, folder / f"{number}", stack, tell, warm_up, patience
                )
            except RowFailedError as error:
                failures.append(_failure(subject, str(error)))
            tell(0.0)
        if not ready:
            raise NothingMeasuredError(failures)
        one_call = sum(2 * row.milliseconds + _DECODING_MS for row in ready.values()) / 1000
        calls = max(_LEAST_CALLS, min(MOST_CALLS, int(_ROUND_SECONDS / one_call)))
        began = time.perf_counter()

        def tell_round(done: int) -> None:
            a_round = (time.perf_counter() - began) / done if done else calls * one_call
            show(f"round {done + 1} of {rounds}", (rounds - done) * a_round)

        timed = timed_rounds(
            {number: row.process for number, row in ready.items()},
            rounds=rounds,
            calls=calls,
            tell=tell_round,
        )
    after = condition()
    failures += [_failure(plan.subjects[number], why) for number, why in timed.failed.items()]
    if not timed.turns:
        raise NothingMeasuredError(failures)
    notes += [
        f"{plan.subjects[number].name} on {plan.subjects[number].engine}: did not get steady in "
        f"{warm_up:g} seconds of warm-up"
        for number in timed.turns
        if not ready[number].steady
    ]
    notes += _throttling_notes(timed)
    # Its answers stand even where it has failed since.
    keras = next((n for n in ready if plan.subjects[n].is_keras), None)
    answers = ready[keras].probabilities if keras is not None else kept
    rows = [
        replace(row, quality=_quality(kept, None, pictures))
        for row in (plan.packed.rows if plan.packed else ())
        if kept is not None
    ]
    rows += [
        _row(plan.subjects, number, ready[number], timed, answers, pictures)
        for number in timed.turns
    ]
    machine = this_machine(before, after)
    measured = Measured(
        format=FORMAT,
        edgetl=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        machine=machine,
        split=pictures.split,
        labels=pictures.labels,
        fingerprint=fingerprint(digests),
        truth=pictures.truth,
        rounds=len(timed.held_back),
        rounds_asked=rounds,
        calls=calls,
        stopped=timed.stopped,
        rows=tuple(rows),
        failures=tuple(failures),
        notes=(*plan.notes, *notes),
    )
    return Benchmark(measured, pictures, answers if keras is not None else None)


def _decode_all(
    plan: Plan, folder: Path
) -> tuple[Pictures, Mapping[InputSize, Decoded], list[str], list[str]]:
    """The pictures that can be read, decoded for every row, their digests, and what to note."""
    pictures, notes = plan.pictures, []
    input_sizes = list(dict.fromkeys(subject.input_size for subject in plan.subjects))
    first = decoded(pictures, input_sizes[0], folder / "pixels")
    if first.errors:
        readable = [place for place in range(len(pictures.paths)) if place not in first.errors]
        place, why = next(iter(first.errors.items()))
        bad = f"{quoted(pictures.paths[place])}: {why}"
        if not readable:
            raise DataError(f"{bad}; no picture can be read: name others with --data")
        more = f", and {len(first.errors) - 1} more" if len(first.errors) > 1 else ""
        notes.append(f"left out {bad}{more}")
        say(f"edgetl: {notes[-1]}")
        pictures = pictures.of(readable)
        first = decoded(pictures, input_sizes[0], folder / "pixels")
    pixels = {input_sizes[0]: first}
    for input_size in input_sizes[1:]:
        pixels[input_size] = decoded(pictures, input_size, folder / "pixels")
    return pictures, pixels, first.digests, notes


def _job(subject: Subject, pictures: Pictures, pixels: Decoded) -> Job:
    return Job(
        engine=subject.module,
        model=str(subject.path),
        runtime=subject.runtime,
        threads=subject.threads,
        labels=list(subject.labels) if subject.labels else None,
        height=subject.input_size.height,
        width=subject.input_size.width,
        fit=subject.input_size.resize_mode,
        pixels=str(pixels.pixels),
        pictures=[str(path) for path in pictures.paths],
    )


def _prepare(
    job: Job,
    subject: Subject,
    files: Path,
    stack: contextlib.ExitStack,
    tell: Callable[[float], None],
    warm_up: float,
    patience: float,
) -> _Ready:
    """Start a row's process, load and warm its model and let it classify; `files` is a stem."""
    with contextlib.ExitStack() as mine:
        process = RowProcess(job, files.with_suffix(".log"), patience=patience)
        mine.callback(process.close)
        loaded = process.ask("load", warm_up=warm_up)
        milliseconds = loaded["milliseconds"]

        def heard(done: int) -> None:
            tell(milliseconds / 1000 * (len(job.pictures) - done))

        probabilities = None
        if subject.columns is not None:
            heard(0)
            into = files.with_suffix(".npy")
            process.ask("classify", heard=heard, into=str(into))
            found = np.load(into)
            if not np.isfinite(found).all():
                raise RowFailedError("gives values that are no numbers")
            probabilities = found[:, list(subject.columns)]
        stack.push(mine.pop_all())
    return _Ready(
        process=process,
        way=loaded["way"],
        load_ms=loaded["load_ms"],
        first_ms=loaded["first_ms"],
        milliseconds=milliseconds,
        steady=loaded["steady"],
        probabilities=probabilities,
    )


def _failure(subject: Subject, problem: str) -> Failure:
    return Failure(subject.name, subject.engine, subject.threads, problem)


def _throttling_notes(timed: Timed) -> list[str]:
    slowed = {n: why for n, why in enumerate(timed.held_back, 1) if why}
    if not slowed:
        return []
    numbers, words = ", ".join(map(str, slowed)), ", ".join(dict.fromkeys(slowed.values()))
    if len(slowed) == len(timed.held_back):
        return [f"every round was throttled ({words}): the figures are a throttled machine's"]
    return [f"throttled ({words}) and not counted: rounds {numbers}"]


def latency(times: Sequence[Sequence[float]], counts: Sequence[bool]) -> Latency:
    """Figures of milliseconds by round, `counts` saying which rounds count.

    Where none counts all are described, and each round's median is None.
    """
    counted = [a_round for a_round, good in zip(times, counts, strict=True) if good] or times
    calls = np.concatenate([np.asarray(a_round, np.float64) for a_round in counted])
    p50, p90, p99 = (float(value) for value in np.percentile(calls, (50, 90, 99)))
    places = np.linspace(0, len(calls) - 1, min(len(calls), _SAMPLES)).round().astype(int)
    return Latency(
        p50=p50,
        p90=p90,
        p99=p99,
        rounds=tuple(
            float(median(a_round)) if good else None
            for a_round, good in zip(times, counts, strict=True)
        ),
        samples=tuple(round(float(value), 4) for value in calls[places]),
    )


def ratio(mine: Latency, keras: Latency) -> Ratio | None:
    """How many times faster than Keras, round by round; None if no round counts."""
    pairs = zip(mine.rounds, keras.rounds, strict=True)
    ratios = [theirs / ours for ours, theirs in pairs if ours is not None and theirs is not None]
    if not ratios:
        return None
    low, middle, high = (float(value) for value in np.percentile(ratios, (25, 50, 75)))
    return Ratio(middle, low, high)


def _row(
    subjects: Sequence[Subject],
    number: int,
    ready: _Ready,
    timed: Timed,
    answers: Probabilities | None,
    pictures: Pictures,
) -> Row:
    subject = subjects[number]
    counts = [not why for why in timed.held_back]
    turns = timed.turns[number]
    beside = next(
        (n for n in timed.turns if subjects[n].is_keras and subjects[n].threads == subject.threads),
        None,
    )
    invoke = _invoke(turns, counts)
    end_to_end = latency([turn.end_to_end for turn in turns], counts)
    return Row(
        name=subject.name,
        engine=subject.engine,
        way=ready.way,
        threads=subject.threads,
        elsewhere=None,
        bytes=subject.bytes,
        sha256=subject.sha256,
        load_ms=ready.load_ms,
        first_ms=ready.first_ms,
        invoke=invoke,
        end_to_end=end_to_end,
        pictures_per_second=1000 / _mean_counted(turns, counts),
        peak_bytes=timed.peak_bytes[number],
        quality=_quality(ready.probabilities, None if subject.is_keras else answers, pictures),
        ratio=None
        if subject.is_keras or beside is None
        else ratio(invoke, _invoke(timed.turns[beside], counts)),
    )


def _invoke(turns: Sequence[Turn], counts: Sequence[bool]) -> Latency:
    return latency([turn.invoke for turn in turns], counts)


def _mean_counted(turns: Sequence[Turn], counts: Sequence[bool]) -> float:
    counted = [turn for turn, good in zip(turns, counts, strict=True) if good] or turns
    return float(np.mean(np.concatenate([np.asarray(turn.end_to_end) for turn in counted])))


def _quality(
    probabilities: Probabilities | None, keras: Probabilities | None, pictures: Pictures
) -> Quality | None:
    if probabilities is None or not pictures.truth:
        return None
    truth = np.array(pictures.truth)
    beside = parity(
        probabilities, probabilities if keras is None else keras, truth, pictures.labels
    )
    predicted: Any = probabilities.argmax(axis=1)
    return Quality(
        accuracy=beside.accuracy,
        accuracy_interval=beside.accuracy_interval,
        macro_f1=macro_f1(truth, predicted, classes=len(pictures.labels)),
        agreement=None if keras is None else beside.agreement,
        mcnemar_p=None if keras is None else beside.mcnemar_p,
        largest_difference=None if keras is None else beside.largest_difference,
        predicted=tuple(predicted.tolist()),
    )
