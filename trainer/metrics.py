"""Figures of a classifier on pictures whose classes are known."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int64]


def confusion_matrix(truth: Classes, predicted: Classes, *, classes: int) -> npt.NDArray[np.int64]:
    """Counts, int [classes, classes]: row the true class, column the predicted one."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (truth, predicted), 1)
    return matrix


def log_loss(probabilities: Probabilities, truth: Classes) -> float:
    """Mean cross-entropy in nats; probabilities, float [pictures, classes], clipped at 1e-7."""
    chosen = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.clip(chosen, 1e-7, 1)).mean())


def accuracy(probabilities: Probabilities, truth: Classes) -> float:
    """The share of pictures whose most probable class is the true one, 0..1."""
    return float((probabilities.argmax(axis=1) == truth).mean())


def macro_f1(truth: Classes, predicted: Classes, *, classes: int) -> float:
    """The mean of the classes' F1, 0..1: each class counts alike, however many pictures it has.

    F1 is 2 * right / (pictures there + pictures predicted). A class that is neither there nor
    predicted is left out.
    """
    matrix = confusion_matrix(truth, predicted, classes=classes)
    seen = matrix.sum(axis=0) + matrix.sum(axis=1)
    return float((2 * matrix.diagonal()[seen > 0] / seen[seen > 0]).mean())


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, `right` of `total`, by Wilson's score; `total` is above 0.

    Unlike the usual plus-minus it stays within 0..1 and has a width at 0 % and 100 % too.
    """
    z = 1.959963984540054
    share, scale = right / total, 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    reach = z / scale * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def mcnemar(first_only: int, second_only: int) -> float:
    """The two-sided exact p-value of McNemar's test.

    How likely two classifiers that err equally often would disagree in their errors as unevenly as
    this or more: a binomial test with share one half (McNemar, Psychometrika 12, 1947).

    Args:
        first_only: pictures that the first classifier has right and the second wrong.
        second_only: pictures that only the second has right.
    """
    disagreements = first_only + second_only
    fewer = min(first_only, second_only)
    ways = sum(math.comb(disagreements, k) for k in range(fewer + 1))
    return min(1.0, 2 * ways / 2**disagreements)


def summary(
    probabilities: Probabilities, truth: Classes, labels: Sequence[str]
) -> dict[str, Any] | None:
    """Everything metrics.json says of one split; None for a split without pictures.

    Precision is null for a class that was never predicted, recall for one that was never there.
    """
    if not len(truth):
        return None
    matrix = confusion_matrix(truth, probabilities.argmax(axis=1), classes=len(labels))
    right, predicted, actual = matrix.diagonal(), matrix.sum(axis=0), matrix.sum(axis=1)
    return {
        "pictures": len(truth),
        "accuracy": accuracy(probabilities, truth),
        "loss": log_loss(probabilities, truth),
        "per_class": {
            label: {
                "pictures": int(actual[i]),
                "precision": float(right[i] / predicted[i]) if predicted[i] else None,
                "recall": float(right[i] / actual[i]) if actual[i] else None,
            }
            for i, label in enumerate(labels)
        },
        "confusion": matrix.tolist(),
    }
