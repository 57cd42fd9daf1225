"""A run: results to sinks until there are no more, and how it went."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from edgetl.edge.results.result import Result
from edgetl.edge.sinks import RunEnded
from edgetl.edge.sinks.fan_out import FanOut
from edgetl.edge.sources.files import Problem
from edgetl.edge.system.messages import logger
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
        complete: whether there were no more items, and not no more sinks.
        failed_sinks: how many sinks could not take, or keep, what was written to them.
        runtime: name and version of the interpreter library.
        threads: of each interpreter.
        parallel: how many pictures were inferred at a time.
    """

    classified: int
    milliseconds: float
    problems: int
    complete: bool = True
    failed_sinks: int = 0
    runtime: str = ""
    threads: int = 1
    parallel: int = 1


def run(
    items: Iterable[Result | Problem], sinks: FanOut, *, shutdown: GracefulShutdown | None = None
) -> Outcome:
    """Give every result to the sinks, and log every problem.

    It ends when there are no more items, no sink is left, or a person ended it at one; a signal
    that `shutdown` takes ends it once every sink has a result. The sinks stay open.
    """
    recent: deque[float] = deque(maxlen=_TIMED)
    signals = shutdown or GracefulShutdown()
    classified = problems = 0
    for item in items:
        if isinstance(item, Problem):
            problems += 1
            logger.warning(item.message)
            continue
        classified += 1
        recent.append(item.milliseconds)
        try:
            with signals.later():
                sinks.write(item)
        except RunEnded:
            break
        if not sinks.open:
            break
    # Not statistics.median: the module takes as long to import as a picture to classify.
    median = sorted(recent)[len(recent) // 2] if recent else 0.0
    return Outcome(classified, median, problems, complete=sinks.open)
