"""What held-out photos say of thresholds: how often a class is right above each probability.

`edgetl.edge.model.thresholds` reads it. Imports no TensorFlow.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.thresholds import LOWEST_PRECISION, ClassPrecision, PrecisionRecord
from edgetl.trainer.metrics import Classes, Probabilities

# Of one class. They are thinned beyond, which can only make a threshold higher than it need be.
MOST_POINTS = 200
# Probabilities are rounded down to so many decimals, so that a file of many classes stays small.
_DECIMALS = 6


def precision_record(
    probabilities: Probabilities, targets: Classes, labels: Sequence[str]
) -> PrecisionRecord:
    """The record of photos that were not trained on.

    Args:
        probabilities: float32 [pictures, classes].
        targets: the true classes, int [pictures]: indices into `labels`.
        labels: the classes.
    """
    given = probabilities.argmax(axis=1)
    right = given == targets
    confidence = probabilities.max(axis=1).astype(np.float64)
    rounded = np.floor(confidence * 10**_DECIMALS) / 10**_DECIMALS
    classes = {
        label: _class_precision(rounded[given == index], right[given == index])
        for index, label in enumerate(labels)
    }
    return PrecisionRecord(len(targets), classes)


def _class_precision(
    confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]
) -> ClassPrecision:
    if not len(confidence):
        return ClassPrecision(0)
    thresholds, correct, answered = (one[::-1] for one in cumulative(confidence, right))
    precision = correct / answered
    before = np.maximum.accumulate(precision)[:-1]
    better = np.append(True, precision[1:] > before)
    # The best one says what a class reaches that never reaches what is asked.
    best = np.arange(len(precision)) == np.flatnonzero(better)[-1]
    kept = np.flatnonzero(better & ((precision >= LOWEST_PRECISION) | best))
    if len(kept) > MOST_POINTS:
        kept = kept[np.linspace(0, len(kept) - 1, MOST_POINTS).round().astype(int)]
    return ClassPrecision(
        len(confidence),
        tuple(thresholds[kept].tolist()),
        tuple(correct[kept].tolist()),
        tuple(answered[kept].tolist()),
    )


def cumulative(
    confidence: npt.NDArray[np.floating[Any]], right: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.float64], Classes, Classes]:
    """From each confidence on: the confidence, how many are right and how many there are.

    Args:
        confidence: of one or more predictions, [predictions].
        right: which of them are, bool [predictions].

    Returns:
        Three arrays of an item for each confidence that occurs, the highest first.
    """
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order].astype(np.float64)
    ends = np.flatnonzero(np.append(falling[1:] < falling[:-1], True))
    return falling[ends], np.cumsum(right[order])[ends], ends + 1
