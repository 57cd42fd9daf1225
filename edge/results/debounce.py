"""Results to act on: averaged over time, marked where they are uncertain, only when they change.

Averaging and marking take results and give results; problems pass through as they are. Each source
has its own past, and photos have none: `edge.sources.per_source`.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.classifier import Prediction
from edgetl.edge.results.result import Result
from edgetl.edge.sources.files import Problem
from edgetl.edge.sources.per_source import PerSource

Probabilities = npt.NDArray[np.float32]

# How far a new class must lead the one it replaces. Two classes that are as good as even would
# alternate with every frame.
MARGIN = 0.1


def smoothed(
    items: Iterable[Result | Problem],
    *,
    seconds: float,
    predict: Callable[[Probabilities], list[Prediction]],
) -> Iterator[Result | Problem]:
    """Average the probabilities of each source over time, the past fading exponentially.

    A result that comes dt seconds after the last one counts 1 - exp(-dt / seconds), whatever the
    frame rate, and the average so far the rest. So after `seconds` of a new scene 63 % of the
    average is new, after three times that 95 %.

    Args:
        seconds: the time constant, more than 0 and finite.
        predict: predictions for probabilities, float32 [classes], as Classifier.predictions.
    """
    # The average so far, and when it was made.
    averages: PerSource[tuple[npt.NDArray[np.float64], datetime] | None] = PerSource(lambda: None)
    for item in items:
        if isinstance(item, Problem):
            yield item
            continue
        average = item.probabilities.astype(np.float64)
        if before := averages.of(item):
            past, last = before
            # A clock that is set back must not make the past count more than all.
            passed = max(0.0, (item.time - last).total_seconds())
            average = past - math.expm1(-passed / seconds) * (average - past)
        averages.keep(item, (average, item.time))
        probabilities = average.astype(np.float32)
        yield replace(item, probabilities=probabilities, predictions=predict(probabilities))


def with_thresholds(
    items: Iterable[Result | Problem], *, thresholds: Sequence[float]
) -> Iterator[Result | Problem]:
    """Mark results as uncertain whose best class is less probable than its threshold.

    Their predictions stay, their label becomes "unsure".

    Args:
        thresholds: of each class in labels order, 0..1, or more where it is never the answer.
    """
    for item in items:
        if isinstance(item, Problem):
            yield item
        else:
            best = item.predictions[0]
            yield replace(item, confident=best.probability >= thresholds[best.index])


@dataclass(frozen=True)
class _Stable:
    index: int | None  # of a class, or None for "unsure"


class ChangeDetector:
    """Detects which results change the stable label, with hysteresis.

    The first result of a source sets it. After that

    - another class takes over when it leads the stable one by `margin`;
    - "unsure" takes over when the stable class falls `margin` below its threshold;
    - any confident class takes over from "unsure".
    """

    def __init__(self, *, thresholds: Sequence[float], margin: float = MARGIN) -> None:
        """`thresholds` are those of `with_thresholds`, `margin` a difference of probabilities."""
        self._thresholds = thresholds
        self._margin = margin
        self._stable: PerSource[_Stable | None] = PerSource(lambda: None)

    def is_change(self, result: Result) -> bool:
        """Whether `result` changes the label. To be asked of each result once, in order."""
        new, stable = result.index, self._stable.of(result)
        if stable and not self._takes_over(new, stable.index, result.probabilities):
            return False
        self._stable.keep(result, _Stable(new))
        return True

    def _takes_over(
        self, new: int | None, stable: int | None, probabilities: Probabilities
    ) -> bool:
        if new == stable:
            return False
        if stable is None:
            return True
        contender = self._thresholds[stable] if new is None else float(probabilities[new])
        return contender - float(probabilities[stable]) >= self._margin
