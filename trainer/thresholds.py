"""What held-out photos say of thresholds: how often a class is right above each probability.

`edgetl.edge.model.thresholds` reads it. Imports no TensorFlow.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.precision import LOWEST_PRECISION
from edgetl.edge.model.thresholds import ClassPrecision, PrecisionRecord
from edgetl.trainer.metrics import Classes, Probabilities

# Of one class. They are thinned beyond, which can only make a threshold higher than it need be.
MOST_POINTS = 200
# Probabilities are rounded down to so many decimals, so that a file of many classes stays small.
_DECIMALS = 6


def precision_record(
    probabilities: Probabilities,
    targets: Classes,
    labels: Sequence[str],
    *,
    clusters: Sequence[str],
) -> PrecisionRecord:
    """The record of photos that were not trained on.

    Args:
        probabilities: float32 [pictures, classes].
        targets: the true classes, int [pictures]: indices into `labels`.
        labels: the classes.
        clusters: the name of each picture's cluster of near-copies.
    """
    given = probabilities.argmax(axis=1)
    right = given == targets
    confidence = probabilities.max(axis=1).astype(np.float64)
    rounded = np.floor(confidence * 10**_DECIMALS) / 10**_DECIMALS
    numbers = np.unique(np.array(clusters, np.str_), return_inverse=True)[1]
    classes = {
        label: _class_precision(rounded[chosen], right[chosen], numbers[chosen])
        for label, chosen in ((label, given == index) for index, label in enumerate(labels))
    }
    return PrecisionRecord(len(targets), classes)


def _class_precision(
    confidence: npt.NDArray[np.float64],
    right: npt.NDArray[np.bool_],
    clusters: npt.NDArray[np.int64],
) -> ClassPrecision:
    if not len(confidence):
        return ClassPrecision(0)
    earlier = _earlier_of_the_cluster(confidence, clusters)
    # The k-th of a cluster adds the square of k, less that of k - 1.
    amounts = (right, np.ones_like(clusters), earlier == 0, 2 * earlier + 1)
    thresholds, sums = cumulative(confidence, *amounts)
    rising = [one[::-1] for one in (thresholds, *(sums if earlier.any() else sums[:2]))]
    points = ClassPrecision(len(confidence), *(tuple(one.tolist()) for one in rising)).points
    precision = np.array([one.right / one.answered for one in points])
    expected = np.array([one.expected for one in points])
    # The best one says what a class reaches that never reaches what is asked.
    best = np.arange(len(points)) == precision.argmax()
    is_better = _rises(precision) | _rises(expected)
    kept = np.flatnonzero(is_better & ((precision >= LOWEST_PRECISION) | best))
    if len(kept) > MOST_POINTS:
        kept = kept[np.linspace(0, len(kept) - 1, MOST_POINTS).round().astype(int)]
    return ClassPrecision(len(confidence), *(tuple(one[kept].tolist()) for one in rising))


def _earlier_of_the_cluster(
    confidence: npt.NDArray[np.float64], clusters: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """How many of a picture's cluster come before it, the most confident first."""
    earlier = np.zeros_like(clusters)
    seen: Counter[int] = Counter()
    for row in np.argsort(-confidence, kind="stable").tolist():
        earlier[row] = seen[clusters[row]]
        seen[clusters[row]] += 1
    return earlier


def _rises(values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Where a value is above all that are before it."""
    return np.append(True, values[1:] > np.maximum.accumulate(values)[:-1])


def cumulative(
    confidence: npt.NDArray[np.floating[Any]], *amounts: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float64], list[Classes]]:
    """From each confidence on: the confidence, and the sums of amounts.

    Args:
        confidence: of one or more predictions, [predictions].
        amounts: of each prediction, bool or int [predictions].

    Returns:
        Arrays of an item for each confidence that occurs, the highest first.
    """
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order].astype(np.float64)
    ends = np.flatnonzero(np.append(falling[1:] < falling[:-1], True))
    return falling[ends], [np.cumsum(one[order])[ends] for one in amounts]
