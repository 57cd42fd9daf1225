"""What changed from one benchmark to another, of another machine or another release.

A latency is compared by the medians of its rounds. Calls of one round share whatever the machine
was at just then, so to count each of them as evidence would call anything a change; and nothing is
known of how medians are distributed. So the interval of the ratio is the one that goes with the
Mann-Whitney U test (Hodges and Lehmann's: order statistics of the ratios of all pairs of rounds),
exact for few rounds and untroubled by one that was disturbed. Its level is 99 %: in two benchmarks
of ten rows, twenty latencies are compared, and at 95 % one of them would change by chance.
"""

import functools
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgetl.benchmarks.measured import Failure, Latency, Machine, Measured, Row, engine_family
from edgetl.trainer.metrics import mcnemar, wilson_interval

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
_Z_99 = 2.5758293035489004

Verdict = Literal["faster", "slower", "within noise", "noisy", "too few rounds"]


@dataclass(frozen=True)
class LatencyChange:
    """Milliseconds a picture before and after.

    Attributes:
        before, after: the medians over all calls.
        ratio: after / before, the median over all pairs of rounds; None where a side has no round
            that counts.
        low, high: its 99 % interval; None where there are too few rounds for one.
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
class RowChange:
    """A row that both benchmarks have: the same file or name, engine but for its version, threads.

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
    """A row of one benchmark alone; `problem` is why it failed in the other, or ""."""

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
    rows: tuple[RowChange, ...]
    only_before: tuple[Unmatched, ...]
    only_after: tuple[Unmatched, ...]
    differences: tuple[Difference, ...]


def compare(a: Measured, b: Measured) -> Changes:
    """What changed from `a` to `b`, and what of that is beyond noise."""
    same_pictures = bool(a.truth) and (
        (a.fingerprint, a.truth, a.labels) == (b.fingerprint, b.truth, b.labels)
    )
    pairs = _pairs(a.rows, b.rows)
    return Changes(
        before=_side(a),
        after=_side(b),
        same_pictures=same_pictures,
        rows=tuple(
            _row_change(
                a.rows[before], b.rows[after], a.truth, b.truth, same_pictures=same_pictures
            )
            for before, after in sorted(pairs.items())
        ),
        only_before=tuple(_unmatched(a.rows, pairs.keys(), b.failures)),
        only_after=tuple(_unmatched(b.rows, pairs.values(), a.failures)),
        differences=tuple(
            Difference(what, old, new) for what, old, new in _described(a, b) if old != new
        ),
    )


def latency_change(before: Latency, after: Latency) -> LatencyChange:
    """How the rounds' medians of two latencies compare."""
    first, second = _counted(before), _counted(after)
    if not first or not second:
        return LatencyChange(before.p50, after.p50, None, None, None, "too few rounds")
    ratio, interval = ratio_interval(first, second)
    low, high = interval or (None, None)
    verdict: Verdict = "within noise"
    if before.noisy or after.noisy:
        verdict = "noisy"
    elif low is None or high is None:
        verdict = "too few rounds"
    elif high < 1 and ratio < 1 / (1 + SMALLEST_LATENCY_CHANGE):
        verdict = "faster"
    elif low > 1 and ratio > 1 + SMALLEST_LATENCY_CHANGE:
        verdict = "slower"
    return LatencyChange(before.p50, after.p50, ratio, low, high, verdict)


def ratio_interval(
    first: Sequence[float], second: Sequence[float]
) -> tuple[float, tuple[float, float] | None]:
    """How many times `first` goes into `second`, and the 99 % interval of that.

    The median of the ratios of all pairs, and those of them between which the Mann-Whitney U test
    would not tell `first` from `second` were one of them so many times longer. None for the
    interval where there are too few values for one: from 5 in each on there is one.

    Args:
        first, second: one value or more each, all above 0.
    """
    ratios = np.sort(np.divide.outer(np.array(second, float), np.array(first, float)), axis=None)
    outside = _outside(len(first), len(second))
    middle = float(np.median(ratios))
    if outside is None:
        return middle, None
    return middle, (float(ratios[outside]), float(ratios[-1 - outside]))


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
        reach = _Z_99 * math.sqrt(pairs * (first + second + 1) / 12)
        return math.floor(pairs / 2 - reach - 0.5)
    ways = _ways(first, second)
    # Rounded up a little: of 5 and 5 the share 1/252 is not to hang on the last bit of `tail`.
    allowed = tail * (1 + 1e-9) * sum(ways)
    most, together = None, 0
    for pair, count in enumerate(ways):
        together += count
        if together > allowed:
            break
        most = pair
    return most


def _ways(first: int, second: int) -> list[int]:
    """In how many orders of first + second values U is 0, 1, ... first * second.

    The coefficients of the Gaussian binomial, a product of (1 - x^(second + i)) / (1 - x^i).
    """
    ways = [1] + [0] * (first * second)
    for i in range(1, first + 1):
        for power in range(len(ways) - 1, second + i - 1, -1):
            ways[power] -= ways[power - second - i]
        for power in range(i, len(ways)):
            ways[power] += ways[power - i]
    return ways


def _accuracy_change(
    before: Row, after: Row, truth_before: Sequence[int], truth_after: Sequence[int], *, same: bool
) -> AccuracyChange | None:
    if not (before.quality and after.quality and truth_before and truth_after):
        return None
    first = np.array(before.quality.predicted) == np.array(truth_before)
    second = np.array(after.quality.predicted) == np.array(truth_after)
    shares = float(first.mean()), float(second.mean())
    if same:
        gained, lost = int((second & ~first).sum()), int((first & ~second).sum())
        p = mcnemar(lost, gained)
        beyond = p < 1 - ACCURACY_LEVEL
        return AccuracyChange(*shares, "McNemar", gained, lost, p, None, None, beyond)
    low, high = newcombe_interval(int(first.sum()), len(first), int(second.sum()), len(second))
    beyond = not low <= 0 <= high
    return AccuracyChange(*shares, "Newcombe", None, None, None, low, high, beyond)


def _row_change(
    before: Row,
    after: Row,
    truth_before: Sequence[int],
    truth_after: Sequence[int],
    *,
    same_pictures: bool,
) -> RowChange:
    peaks = sorted((before.peak_bytes, after.peak_bytes))
    return RowChange(
        name=before.name,
        engine_before=before.engine,
        engine_after=after.engine,
        threads=before.threads,
        elsewhere=before.elsewhere,
        invoke=latency_change(before.invoke, after.invoke),
        end_to_end=latency_change(before.end_to_end, after.end_to_end),
        accuracy=_accuracy_change(before, after, truth_before, truth_after, same=same_pictures),
        same_file=before.sha256 == after.sha256,
        bytes_before=before.bytes,
        bytes_after=after.bytes,
        peak_before=before.peak_bytes,
        peak_after=after.peak_bytes,
        memory_changed=peaks[0] > 0 and peaks[1] > peaks[0] * (1 + SMALLEST_MEMORY_CHANGE),
    )


# What two rows must have in common to be the same, the surest first: a file's name is how it was
# typed, so the same file of another folder may have another, and another file the same.
_ALIKE: tuple[Callable[[Row], tuple[str, ...]], ...] = (
    lambda row: (row.sha256, row.name),
    lambda row: (row.sha256,),
    lambda row: (row.name,),
)


def _pairs(first: Sequence[Row], second: Sequence[Row]) -> dict[int, int]:
    """Which row of the second is which of the first, by their places; no row is in two pairs."""
    pairs: dict[int, int] = {}
    for alike in _ALIKE:
        free: dict[object, list[int]] = {}
        for place, row in enumerate(second):
            if place not in pairs.values():
                free.setdefault((alike(row), _setting(row)), []).append(place)
        for place, row in enumerate(first):
            others = free.get((alike(row), _setting(row)))
            if place not in pairs and others:
                pairs[place] = others.pop(0)
    return pairs


def _setting(row: Row) -> tuple[str, int, str | None]:
    return engine_family(row.engine), row.threads, row.elsewhere


def _unmatched(
    rows: Sequence[Row], matched: Collection[int], failures: Sequence[Failure]
) -> Iterator[Unmatched]:
    problems = {(f.name, engine_family(f.engine), f.threads): f.problem for f in failures}
    for place, row in enumerate(rows):
        if place not in matched:
            key = (row.name, engine_family(row.engine), row.threads)
            problem = problems.get(key, "") if row.elsewhere is None else ""
            yield Unmatched(row.name, row.engine, row.threads, row.elsewhere, problem)


def _side(measured: Measured) -> Side:
    machine = measured.machine
    return Side(machine.name, machine.cpu, measured.edgetl, measured.created, measured.stopped)


def _described(a: Measured, b: Measured) -> Iterator[tuple[str, str, str]]:
    yield "edgetl", a.edgetl, b.edgetl
    for what, of in _MACHINE.items():
        yield what, of(a.machine), of(b.machine)
    old, new = a.machine.versions, b.machine.versions
    for name in dict.fromkeys((*old, *new)):
        if name != "edgetl":
            yield name, old.get(name, ""), new.get(name, "")
    yield "pictures", _pictures(a), _pictures(b)
    if a.fingerprint == b.fingerprint:
        others = sum(x != y for x, y in zip(a.truth, b.truth, strict=False))
        yield "the pictures' true classes", "", f"{others:,} are others" if others else ""
    yield "classes", ", ".join(a.labels), ", ".join(b.labels)
    yield "rounds x calls", *(f"{m.rounds} x {m.calls}" for m in (a, b))


_MACHINE = {
    "machine": lambda machine: machine.name,
    "processor": lambda machine: machine.cpu,
    "cores": lambda machine: str(machine.cores),
    "memory": lambda machine: f"{machine.memory_bytes / 1e9:.1f} GB",
    "system": lambda machine: machine.system,
    "Python": lambda machine: machine.python,
    "governor": lambda machine: machine.before.governor or "",
    "throttled": lambda machine: _throttled(machine),
}


def _throttled(machine: Machine) -> str:
    words = [*(machine.before.throttled or ()), *(machine.after.throttled or ())]
    return ", ".join(dict.fromkeys(words))


def _pictures(measured: Measured) -> str:
    return f"{len(measured.truth):,} of {measured.split} ({measured.fingerprint[:12]})"
