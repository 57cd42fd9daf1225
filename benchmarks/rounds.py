"""Timing of every case in every round: a machine that slows down affects all alike."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from edgetl.benchmarks.process.case_process import CaseFailedError, CaseProcess
from edgetl.edge.system.throttling import Throttling, throttled_between, throttling

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True)
class Turn:
    """Milliseconds of each call that a case made in one round."""

    invoke: tuple[float, ...]
    end_to_end: tuple[float, ...]


@dataclass(frozen=True)
class Timed:
    """What the rounds gave.

    Attributes:
        turns: of each case that has gone through all finished rounds, one a round.
        throttled: why each finished round was throttled, "" if it was not.
        peak_bytes: of each case's process.
        failed: why a case has not gone through.
        stopped: "" or why there are fewer rounds than were asked for.
    """

    turns: Mapping[int, tuple[Turn, ...]]
    throttled: tuple[str, ...]
    peak_bytes: Mapping[int, int]
    failed: Mapping[int, str]
    stopped: str


def timed_rounds(
    processes: Mapping[int, CaseProcess],
    *,
    rounds: int,
    calls: int,
    begin: Callable[[int], None] = lambda _: None,
    ask_throttling: Callable[[], Throttling] = throttling,
) -> Timed:
    """Let each case make `calls` calls in each of `rounds` rounds; each round begins with another.

    Ctrl-C ends it and keeps the finished rounds.

    Args:
        processes: the cases', by number, ready.
        calls: on pixels, and as many on encoded pictures.
        begin: called with the number of finished rounds before each round.
        ask_throttling: what says that the machine is throttled.

    Raises:
        KeyboardInterrupt: no round was finished.
    """
    turns: dict[int, list[Turn]] = {number: [] for number in processes}
    throttled: list[str] = []
    peaks: dict[int, int] = {}
    failed: dict[int, str] = {}
    stopped = ""
    before = ask_throttling()
    try:
        for done in range(rounds):
            begin(done)
            order = [number for number in processes if number not in failed]
            if not order:
                break
            for number in _rotated(order, done):
                try:
                    answer = processes[number].ask("round", first=done * calls, calls=calls)
                except CaseFailedError as error:
                    failed[number] = str(error)
                    continue
                turns[number].append(Turn(tuple(answer["invoke"]), tuple(answer["end_to_end"])))
                peaks[number] = answer["peak_bytes"]
            after = ask_throttling()
            throttled.append(throttled_between(before, after))
            before = after
    except KeyboardInterrupt:
        if not throttled:
            raise
        stopped = f"interrupted after {len(throttled)} of {rounds} rounds"
    return Timed(
        turns={
            number: tuple(made[: len(throttled)])
            for number, made in turns.items()
            if number not in failed
        },
        throttled=tuple(throttled),
        peak_bytes=peaks,
        failed=failed,
        stopped=stopped,
    )


def alternately(
    cases: Sequence[K],
    figure: Callable[[K], float],
    *,
    rounds: int,
    advance: Callable[[], object] = lambda: None,
) -> dict[K, list[float]]:
    """The `figure` of each case in each of `rounds` rounds, which begins with another case.

    `advance` is called after each round.
    """
    taken: dict[K, list[float]] = {case: [] for case in cases}
    for number in range(rounds):
        for case in _rotated(cases, number):
            taken[case].append(figure(case))
        advance()
    return taken


def _rotated(items: Sequence[T], first: int) -> list[T]:
    index = first % len(items)
    return [*items[index:], *items[:index]]
