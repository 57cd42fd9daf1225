"""Figures of a classifier on pictures whose classes are known."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.intervals import clustered_interval

Probabilities = npt.NDArray[np.float32]
Classes = npt.NDArray[np.int64]
Confusion = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class ClassMetrics:
    """Precision is None for a class that was never predicted, recall for one without pictures."""

    pictures: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True)
class Bin:
    """Photos whose highest probability is in one range: how many, the mean of it, and the share of
    them that are right.
    """

    pictures: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Calibration:
    """How far probabilities can be trusted, on photos whose classes are known.

    Attributes:
        ece: the expected calibration error, 0..1: the mean over photos of the distance between
            confidence and accuracy, in 15 bins of equal width.
        brier: the mean of the summed squared distances to 1 for the true class and 0 for others,
            0..2 (Brier, Monthly Weather Review 78, 1950).
        loss: the cross-entropy in nats.
        bins: those that hold photos, from low confidence to high.
    """

    ece: float
    brier: float
    loss: float
    bins: tuple[Bin, ...] = ()


@dataclass(frozen=True)
class SplitMetrics:
    """The figures on one split.

    Attributes:
        confusion: pictures by true and then by predicted class, in labels order. Pairs that do not
            occur are left out, so that it grows with the pictures and not with the square of
            classes.
        interval: the 95 % interval of `accuracy`, as `accuracy_interval` makes it; None in a run of
            an older edgetl.
        near_copies: how many pictures have a near-copy among those trained on.
        accuracy_without: that of the others; None where there is no near-copy, or no other.
        calibration: of the probabilities; None in a run of an older edgetl.
        uncalibrated: of those before the logits were divided by the temperature.
    """

    pictures: int
    accuracy: float
    loss: float
    per_class: Mapping[str, ClassMetrics]
    confusion: Confusion
    interval: tuple[float, float] | None = None
    near_copies: int = 0
    accuracy_without: float | None = None
    calibration: Calibration | None = None
    uncalibrated: Calibration | None = None


@dataclass(frozen=True)
class CrossValidation:
    """The accuracy on photos by models that learned, as the run's own, from the other photos.

    Attributes:
        folds: how many parts of the photos were held out, each from a model of its own.
        pictures: that were held out.
        accuracies: on each part, 0..1.
        accuracy: on all that were held out, 0..1.
        spread: the standard deviation of `accuracies`.
        loss: the cross-entropy in nats.
    """

    folds: int
    pictures: int
    accuracies: tuple[float, ...]
    accuracy: float
    spread: float
    loss: float


def confusion_matrix(
    targets: Classes, predicted: Classes, *, classes: int
) -> npt.NDArray[np.int64]:
    """Counts, int [classes, classes]: row the true class, column the predicted one."""
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (targets, predicted), 1)
    return matrix


def confusion_counts(
    targets: Classes, predicted: Classes, labels: Sequence[str]
) -> dict[str, dict[str, int]]:
    """The pairs of classes that occur: pictures by true and then by predicted class."""
    pairs, times = np.unique(targets * len(labels) + predicted, return_counts=True)
    found: dict[str, dict[str, int]] = {}
    for pair, count in zip(pairs.tolist(), times.tolist(), strict=True):
        true, given = divmod(pair, len(labels))
        found.setdefault(labels[true], {})[labels[given]] = count
    return found


def as_matrix(confusion: Confusion, labels: Sequence[str]) -> npt.NDArray[np.int64]:
    """The same counts as of `confusion_matrix`."""
    indices = {label: index for index, label in enumerate(labels)}
    matrix = np.zeros((len(labels), len(labels)), np.int64)
    for true, row in confusion.items():
        for given, count in row.items():
            matrix[indices[true], indices[given]] = count
    return matrix


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Probabilities of logits, both float64 [pictures, classes]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def log_loss(probabilities: Probabilities, targets: Classes) -> float:
    """Mean cross-entropy in nats; probabilities, float [pictures, classes], clipped at 1e-7."""
    chosen = probabilities[np.arange(len(targets)), targets].astype(np.float64)
    return float(-np.log(np.clip(chosen, 1e-7, 1)).mean())


def accuracy(probabilities: Probabilities, targets: Classes) -> float:
    """The share of pictures whose most probable class is the true one, 0..1."""
    return float((probabilities.argmax(axis=1) == targets).mean())


def f1(confusion: Confusion, labels: Sequence[str]) -> npt.NDArray[np.float64]:
    """The F1 of each class, 0..1: 2 * right / (pictures there + pictures predicted).

    NaN for a class that is neither there nor predicted.
    """
    totals = np.zeros((3, len(labels)), np.int64)
    indices = {label: index for index, label in enumerate(labels)}
    for true, row in confusion.items():
        for given, count in row.items():
            totals[0, indices[true]] += count if true == given else 0
            totals[1, indices[given]] += count
            totals[2, indices[true]] += count
    return _f1(*totals)


def macro_f1(targets: Classes, predicted: Classes, *, classes: int) -> float:
    """The mean of the classes' F1, 0..1: each class counts alike, however many pictures it has."""
    return float(np.nanmean(_f1(*_totals(targets, predicted, classes))))


def _f1(
    right: npt.NDArray[np.int64], given: npt.NDArray[np.int64], actual: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    seen = given + actual
    return np.where(seen, 2 * right / np.maximum(seen, 1), np.nan)


def accuracy_interval(right: npt.NDArray[np.bool_], clusters: Sequence[str]) -> tuple[float, float]:
    """The 95 % interval of the accuracy on new photos, as `clustered_interval` makes it.

    Args:
        right: whether each picture's class was found, bool [pictures], one or more.
        clusters: the name of each picture's cluster of near-copies.
    """
    squares, count = squares_of_sizes(clusters), len(set(clusters))
    return clustered_interval(float(right.mean()), len(right), squares, count)


def squares_of_sizes(clusters: Sequence[str]) -> int:
    """The sum of the squares of the clusters' sizes, of the name of each picture's cluster."""
    return sum(size**2 for size in Counter(clusters).values())


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
    return float(min(1.0, 2 * ways / 2**disagreements))


def summary(
    probabilities: Probabilities,
    targets: Classes,
    labels: Sequence[str],
    *,
    clusters: Sequence[str],
    trained: Collection[str] = (),
) -> SplitMetrics | None:
    """Everything metrics.json has of one split; None for a split without pictures.

    Args:
        probabilities: float32 [pictures, classes].
        targets: the true classes, int [pictures]: indices into `labels`.
        labels: the classes.
        clusters: the name of each picture's cluster of near-copies.
        trained: the names of clusters that were trained on; empty for the training split itself.
    """
    if not len(targets):
        return None
    given = probabilities.argmax(axis=1)
    right, predicted, actual = _totals(targets, given, len(labels))
    correct = given == targets
    known = set(trained)
    seen = np.array([cluster in known for cluster in clusters])
    return SplitMetrics(
        pictures=len(targets),
        accuracy=accuracy(probabilities, targets),
        loss=log_loss(probabilities, targets),
        per_class={
            label: ClassMetrics(
                pictures=int(actual[i]),
                precision=float(right[i] / predicted[i]) if predicted[i] else None,
                recall=float(right[i] / actual[i]) if actual[i] else None,
            )
            for i, label in enumerate(labels)
        },
        confusion=confusion_counts(targets, given, labels),
        interval=accuracy_interval(correct, clusters),
        near_copies=int(seen.sum()),
        accuracy_without=float(correct[~seen].mean()) if 0 < seen.sum() < len(seen) else None,
    )


def _totals(targets: Classes, predicted: Classes, classes: int) -> tuple[Classes, Classes, Classes]:
    """Of each class, int [classes]: pictures that are right, those predicted, those there."""
    some = (targets[predicted == targets], predicted, targets)
    right, given, actual = (np.bincount(one, minlength=classes) for one in some)
    return right, given, actual
