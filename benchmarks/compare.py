"""What changed from one benchmark to another, of another machine or another release.

A latency is compared by the medians of its rounds. Calls of one round share whatever the machine
was at just then, so to count each of them as evidence would call anything a change; and nothing is
known of how medians are distributed. So the interval of the ratio is the one that goes with the
Mann-Whitney U test (Hodges and Lehmann's: order statistics of the ratios of all pairs of rounds),
exact for few rounds and untroubled by one that was disturbed. Its level is 99 %: in two benchmarks
of ten cases, twenty latencies are compared, and at 95 % one of them would change by chance.
"""

import functools
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import NormalDist, median
from typing import Literal

import numpy as np

from edgetl.benchmarks.measured import Case, Failure, Latency, Machine, Measured, engine_family
from edgetl.edge.model.intervals import wilson_interval
from edgetl.trainer.metrics import mcnemar

LATENCY_LEVEL = 0.99
ACCURACY_LEVEL = 0.95
# What two benchmarks of the same file by the same release on the same machine may differ by: where
# a process finds its memory stays the same over all its rounds, so rounds do not show it.
SMALLEST_LATENCY_CHANGE = 0.05
# A peak is measured once, so how much it varies is not known; measured, of the same process again
# and again, less than this.
SMALLEST_MEMORY_CHANGE = 0.05

# Above this many pairs of rounds the normal approximation of U is as good as the exact one.
_EXACT_UP_TO = 10_000

Verdict = Literal["faster", "slower", "within noise", "noisy", "too few rounds"]


@dataclass(frozen=True)
class LatencyChange:
    """Milliseconds a picture before and after.

    Attributes:
        before, after: the medians of the rounds' medians; of all calls where no round counts.
        ratio: after / before; None where a side has no round that counts.
        low, high: its 99 % interval, which holds it; None where there are too few rounds for one.
        verdict: "noisy" where the rounds of a side differ too much to be quoted, whatever the
            interval says.
    """

    before: float
    after: float
    ratio: float | None
    low: float | None
    high: float | None
    verdict: Verdict


@dataclass(frozen=True)
class AccuracyChange:
    """The share of pictures given their class, 0..1, before and after.

    Attributes:
        method: "McNemar" where both have classified the same pictures, else "Newcombe".
        gained, lost: of the same pictures, how many only the second has right and only the first.
        p: of McNemar's exact test; None for other pictures.
        low, high: the 95 % interval of after - before by Newcombe's score; None for the same
            pictures.
        beyond_noise: p is less than 0.05, or 0 is outside the interval.
    """

    before: float
    after: float
    method: Literal["McNemar", "Newcombe"]
    gained: int | None
    lost: int | None
    p: float | None
    low: float | None
    high: float | None
    beyond_noise: bool


@dataclass(frozen=True)
class CaseChange:
    """A case that both benchmarks have: the same file or name, engine but for its version, threads.

    `name` is its name before; `same_file` is whether the model files are the same to the byte;
    `memory_changed` whether the peaks, in bytes and 0 where not known, differ by more than 5 %.
    """

    name: str
    engine_before: str
    engine_after: str
    threads: int
    elsewhere: str | None
    invoke: LatencyChange
    end_to_end: LatencyChange
    accuracy: AccuracyChange | None
    same_file: bool
    bytes_before: int
    bytes_after: int
    peak_before: int
    peak_after: int
    memory_changed: bool


@dataclass(frozen=True)
class Unmatched:
    """A case of one benchmark alone; `problem` is why it failed in the other, or ""."""

    name: str
    engine: str
    threads: int
    elsewhere: str | None
    problem: str


@dataclass(frozen=True)
class Difference:
    """Something else that is not the same, "" where there is none on that side."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Side:
    """One of the benchmarks: `created` is UTC, ISO 8601."""

    machine: str
    cpu: str
    edgetl: str
    created: str
    stopped: str


@dataclass(frozen=True)
class Changes:
    """From the benchmark `before` to the benchmark `after`.

    `same_pictures` is whether both have classified the same pictures, with the same classes; false
    where one has only timed.
    """

    before: Side
    after: Side
    same_pictures: bool
    cases: tuple[CaseChange, ...] = field(metadata={"key": "rows"})
    only_before: tuple[Unmatched, ...]
    only_after: tuple[Unmatched, ...]
    differences: tuple[Difference, ...]


def compare(a: Measured, b: Measured) -> Changes:
    """What changed from `a` to `b`, and what of that is beyond noise."""
    same_pictures = bool(a.targets) and (
        (a.fingerprint, a.targets, a.labels) == (b.fingerprint, b.targets, b.labels)
    )
    pairs = _pairs(a.cases, b.cases)
    return Changes(
        before=_side(a),
        after=_side(b),
        same_pictures=same_pictures,
        cases=tuple(
            _case_change(a.cases[before], b.cases[after], a, b, same_pictures=same_pictures)
            for before, after in sorted(pairs.items())
        ),
        only_before=tuple(_unmatched(a.cases, pairs.keys(), b.failures)),
        only_after=tuple(_unmatched(b.cases, pairs.values(), a.failures)),
        differences=tuple(
            Difference(what, old, new) for what, old, new in _described(a, b) if old != new
        ),
    )


def latency_change(before: Latency, after: Latency) -> LatencyChange:
    """How the rounds' medians of two latencies compare."""
    first, second = _counted(before), _counted(after)
    if not first or not second:
        return LatencyChange(before.p50, after.p50, None, None, None, "too few rounds")
    old, new = median(first), median(second)
    ratio = new / old
    low = high = None
    if interval := ratio_interval(first, second):
        # Of medians that lie in a gap of the rounds the ratio may be outside.
        low, high = min(interval[0], ratio), max(interval[1], ratio)
    verdict: Verdict = "within noise"
    if before.noisy or after.noisy:
        verdict = "noisy"
    elif low is None or high is None:
        verdict = "too few rounds"
    elif high < 1 and ratio < 1 / (1 + SMALLEST_LATENCY_CHANGE):
        verdict = "faster"
    elif low > 1 and ratio > 1 + SMALLEST_LATENCY_CHANGE:
        verdict = "slower"
    return LatencyChange(old, new, ratio, low, high, verdict)


def ratio_interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float] | None:
    """The 99 % interval of how many times `first` goes into `second`.

    The ratios of pairs between which the Mann-Whitney U test would not tell `first` from `second`
    were one of them so many times longer. None where there are too few values: from 5 in each on
    there is an interval.

    Args:
        first, second: one value or more each, all above 0.
    """
    ratios = np.sort(np.divide.outer(second, first), axis=None)
    outside = _outside(len(first), len(second))
    return None if outside is None else (float(ratios[outside]), float(ratios[-1 - outside]))


def newcombe_interval(
    right_before: int, total_before: int, right_after: int, total_after: int
) -> tuple[float, float]:
    """The 95 % interval of a difference of shares of different pictures, after less before.

    From the Wilson intervals of both (Newcombe, Statistics in Medicine 17, 1998, method 10).
    Totals are above 0.
    """
    before, after = right_before / total_before, right_after / total_after
    low_before, high_before = wilson_interval(right_before, total_before)
    low_after, high_after = wilson_interval(right_after, total_after)
    difference = after - before
    return (
        difference - math.hypot(after - low_after, high_before - before),
        difference + math.hypot(high_after - after, before - low_before),
    )


def _counted(latency: Latency) -> list[float]:
    return [value for value in latency.rounds if value is not None]


@functools.cache
def _outside(first: int, second: int) -> int | None:
    """The most pairs that a U with a two-sided p-value of 1 % or less may have; None: no such U."""
    pairs = first * second
    tail = (1 - LATENCY_LEVEL) / 2
    if pairs > _EXACT_UP_TO:
        reach = -NormalDist().inv_cdf(tail) * math.sqrt(pairs * (first + second + 1) / 12)
        return math.floor(pairs / 2 - reach - 0.5)
    orders = _orders(first, second)
    # Rounded up a little: of 5 and 5 the share 1/252 is not to hang on the last bit of `tail`.
    allowed = tail * (1 + 1e-9) * sum(orders)
    fitting = sum(together <= allowed for together in accumulate(orders))
    return fitting - 1 if fitting else None


def _orders(first: int, second: int) -> list[int]:
    """In how many orders of first + second values U is 0, 1, ... first * second.

    The coefficients of the Gaussian binomial, a product of (1 - x^(second + i)) / (1 - x^i).
    """
    orders = [1] + [0] * (first * second)
    for i in range(1, first + 1):
        for power in range(len(orders) - 1, second + i - 1, -1):
            orders[power] -= orders[power - second - i]
        for power in range(i, len(orders)):
            orders[power] += orders[power - i]
    return orders


def _accuracy_change(
    before: Case, after: Case, a: Measured, b: Measured, *, same: bool
) -> AccuracyChange | None:
    if not (before.quality and after.quality and a.targets and b.targets):
        return None
    first = np.array(before.quality.predicted) == np.array(a.targets)
    second = np.array(after.quality.predicted) == np.array(b.targets)
    shares = float(first.mean()), float(second.mean())
    if same:
        gained, lost = int((second & ~first).sum()), int((first & ~second).sum())
        p = mcnemar(lost, gained)
        beyond = p < 1 - ACCURACY_LEVEL
        return AccuracyChange(*shares, "McNemar", gained, lost, p, None, None, beyond)
    low, high = newcombe_interval(int(first.sum()), len(first), int(second.sum()), len(second))
    beyond = not low <= 0 <= high
    return AccuracyChange(*shares, "Newcombe", None, None, None, low, high, beyond)


def _case_change(
    before: Case, after: Case, a: Measured, b: Measured, *, same_pictures: bool
) -> CaseChange:
    peaks = sorted((before.peak_bytes, after.peak_bytes))
    return CaseChange(
        name=before.name,
        engine_before=before.engine,
        engine_after=after.engine,
        threads=before.threads,
        elsewhere=before.elsewhere,
        invoke=latency_change(before.invoke, after.invoke),
        end_to_end=latency_change(before.end_to_end, after.end_to_end),
        accuracy=_accuracy_change(before, after, a, b, same=same_pictures),
        same_file=before.sha256 == after.sha256,
        bytes_before=before.bytes,
        bytes_after=after.bytes,
        peak_before=before.peak_bytes,
        peak_after=after.peak_bytes,
        memory_changed=peaks[0] > 0 and peaks[1] > peaks[0] * (1 + SMALLEST_MEMORY_CHANGE),
    )


# What two cases must have in common to be the same, the surest first: a file's name is how it was
# typed, so the same file of another folder may have another, and another file the same.
_ALIKE: tuple[Callable[[Case], tuple[str, ...]], ...] = (
    lambda case: (case.sha256, case.name),
    lambda case: (case.sha256,),
    lambda case: (case.name,),
)


def _pairs(first: Sequence[Case], second: Sequence[Case]) -> dict[int, int]:
    """Which case of the second is which of the first, by their indices; no case is in two pairs."""
    pairs: dict[int, int] = {}
    for alike in _ALIKE:
        free: dict[object, list[int]] = {}
        for index, case in enumerate(second):
            if index not in pairs.values():
                free.setdefault((alike(case), _setting(case)), []).append(index)
        for index, case in enumerate(first):
            others = free.get((alike(case), _setting(case)))
            if index not in pairs and others:
                pairs[index] = others.pop(0)
    return pairs


def _setting(case: Case) -> tuple[str, int, str | None]:
    return engine_family(case.engine), case.threads, case.elsewhere


def _unmatched(
    cases: Sequence[Case], matched: Collection[int], failures: Sequence[Failure]
) -> Iterator[Unmatched]:
    problems = {(f.name, engine_family(f.engine), f.threads): f.problem for f in failures}
    for index, case in enumerate(cases):
        if index not in matched:
            key = (case.name, engine_family(case.engine), case.threads)
            problem = problems.get(key, "") if case.elsewhere is None else ""
            yield Unmatched(case.name, case.engine, case.threads, case.elsewhere, problem)


def _side(measured: Measured) -> Side:
    machine = measured.machine
    return Side(machine.name, machine.cpu, measured.edgetl, measured.created, measured.stopped)


def _described(a: Measured, b: Measured) -> Iterator[tuple[str, str, str]]:
    yield "edgetl", a.edgetl, b.edgetl
    first, second = _machine(a.machine), _machine(b.machine)
    yield from ((what, first[what], second[what]) for what in first)
    old, new = a.machine.versions, b.machine.versions
    for name in dict.fromkeys((*old, *new)):
        if name != "edgetl":
            yield name, old.get(name, ""), new.get(name, "")
    yield "pictures", _pictures(a), _pictures(b)
    if a.fingerprint == b.fingerprint:
        others = sum(x != y for x, y in zip(a.targets, b.targets, strict=False))
        yield "the pictures' true classes", "", f"{others:,} are others" if others else ""
    yield "classes", ", ".join(a.labels), ", ".join(b.labels)
    yield "rounds x calls", f"{a.rounds} x {a.calls}", f"{b.rounds} x {b.calls}"


def _machine(machine: Machine) -> dict[str, str]:
    throttled = (*(machine.before.throttled or ()), *(machine.after.throttled or ()))
    return {
        "machine": machine.name,
        **machine.facts,
        "governor": machine.before.governor or "",
        "throttled": ", ".join(dict.fromkeys(throttled)),
    }


def _pictures(measured: Measured) -> str:
    return f"{len(measured.targets):,} of {measured.split} ({measured.fingerprint[:12]})"
