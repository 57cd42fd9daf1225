"""A run: results to sinks until there are no more, and how it went."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from edge.results import Result
from edge.sinks import RunEnded
from edge.sinks.fan_out import FanOut
from edge.sources import Problem

# A run may last for months: what it keeps must not grow.
_TIMED = 1000


@dataclass(frozen=True)
class Outcome:
    """How a run went.

    Attributes:
        classified: how many results there were.
        milliseconds: the median of the last thousand; 0 if there were none.
        problems: how many items could not be classified.
    """

    classified: int
    milliseconds: float
    problems: int


def run(
    items: Iterable[Result | Problem], sinks: FanOut, *, complain: Callable[[str], None]
) -> Outcome:
    """Give every result to the sinks and every problem to `complain`.

    It ends when there are no more items, no sink is left, or a person ended it at one. The sinks
    stay open.
    """
    recent: deque[float] = deque(maxlen=_TIMED)
    classified = problems = 0
    for item in items:
        if isinstance(item, Problem):
            problems += 1
            complain(item.message)
            continue
        classified += 1
        recent.append(item.milliseconds)
        try:
            sinks.write(item)
        except RunEnded:
            break
        if not sinks.open:
            break
    # Not statistics.median: the module takes as long to import as a picture to classify.
    median = sorted(recent)[len(recent) // 2] if recent else 0.0
    return Outcome(classified, median, problems)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, so that sinks are closed.

    They would end the process on the spot. The exit status is the usual one, 128 + the signal's
    number. Only for the main thread.
    """
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    former = {number: signal.getsignal(number) for number in map(signal.Signals.__getitem__, names)}
    try:
        for number, handler in former.items():
            # nohup has SIGHUP ignored, and so it stays.
            if handler != signal.SIG_IGN:
                signal.signal(number, _exit)
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _exit(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
