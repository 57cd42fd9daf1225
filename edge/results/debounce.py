"""Results to act on: averaged over time, marked where they are uncertain, only when they change.

Averaging and marking take results and give results; problems pass through as they are. Each source
starts from nothing: neighbouring photos have nothing to do with each other.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.classifier import Prediction
from edgetl.edge.results.result import Result
from edgetl.edge.sources.files import Problem

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
    source: str | None = None
    last = datetime.min
    average: npt.NDArray[np.float64] = np.empty(0)
    for item in items:
        if isinstance(item, Problem):
            yield item
            continue
        new = item.probabilities.astype(np.float64)
        if item.source == source:
            # A clock that is set back must not make the past count more than all.
            passed = max(0.0, (item.time - last).total_seconds())
            average = average - math.expm1(-passed / seconds) * (new - average)
        else:
            average = new
        source, last = item.source, item.time
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
        self._source: str | None = None
        self._stable: int | None = None  # a class, or None for "unsure"

    def is_change(self, result: Result) -> bool:
        """Whether `result` changes the label. To be asked of each result once, in order."""
        new = result.index
        if result.source == self._source and not self._takes_over(new, result.probabilities):
            return False
        self._source, self._stable = result.source, new
        return True

    def _takes_over(self, new: int | None, probabilities: Probabilities) -> bool:
        stable = self._stable
        if new == stable:
            return False
        if stable is None:
            return True
        contender = self._thresholds[stable] if new is None else float(probabilities[new])
        return contender - float(probabilities[stable]) >= self._margin
