"""A run: results to sinks until there are no more, and how it went."""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from edgetl.edge.results.result import Result
from edgetl.edge.sinks import RunEnded
from edgetl.edge.sinks.fan_out import FanOut
from edgetl.edge.sources.files import Problem
from edgetl.edge.system.shutdown import GracefulShutdown

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
    items: Iterable[Result | Problem],
    sinks: FanOut,
    *,
    complain: Callable[[str], None],
    stopping: GracefulShutdown | None = None,
) -> Outcome:
    """Give every result to the sinks and every problem to `complain`.

    It ends when there are no more items, no sink is left, or a person ended it at one; a signal
    that `stopping` takes ends it once a result is with every sink. The sinks stay open.
    """
    recent: deque[float] = deque(maxlen=_TIMED)
    wait = stopping or GracefulShutdown()
    classified = problems = 0
    for item in items:
        if isinstance(item, Problem):
            problems += 1
            complain(item.message)
            continue
        classified += 1
        recent.append(item.milliseconds)
        try:
            with wait.later():
                sinks.write(item)
        except RunEnded:
            break
        if not sinks.open:
            break
    # Not statistics.median: the module takes as long to import as a picture to classify.
    median = sorted(recent)[len(recent) // 2] if recent else 0.0
    return Outcome(classified, median, problems)
