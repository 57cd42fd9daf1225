"""From features of photos, and the sample that stands for others, to a head."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.class_distance import (
    Classes,
    Unknown,
    fit_distance,
    fit_unknown,
    unknown_weights,
)
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.teach.head import Features, Head, with_unknown
from edgetl.edge.teach.solving import (
    FIRMNESS,
    STRENGTHS,
    LinearHead,
    Span,
    cross_validated,
    log_loss,
    solve_head,
)

# Every photo is held out once.
FOLDS = 5


@dataclass(frozen=True)
class Lesson:
    """What a head learns from: the sample's photos first, then those that are taught.

    Attributes:
        classes: of the new head; "unknown", where examples of it are a class, is the last.
        features: float32 [photos, channels].
        targets: int [photos], indices into `classes`.
        mirrored: of the taught photos' mirror images, float32 [taught photos, channels].
    """

    classes: tuple[str, ...]
    features: Features
    targets: Classes
    mirrored: Features

    @property
    def sampled(self) -> int:
        """How many of the photos are the sample's."""
        return len(self.targets) - len(self.mirrored)

    def all_features(self) -> tuple[Features, Classes, npt.NDArray[np.int64]]:
        """Those of photos and then of mirror images, their classes and their folds."""
        folds = np.zeros(len(self.targets), np.int64)
        for start, end in ((0, self.sampled), (self.sampled, len(self.targets))):
            folds[start:end] = consecutive_folds(self.targets[start:end])
        features = np.concatenate([self.features, self.mirrored])
        targets, folds = (np.append(one, one[self.sampled :]) for one in (self.targets, folds))
        return features, targets, folds


@dataclass(frozen=True)
class Learned:
    """A head, and what heads that did not learn from a photo call it.

    Attributes:
        head: that has learned from all photos.
        of_classes: float32 [photos, classes], the probabilities of each photo by a head of others.
        held_out: the same with "unknown", float32 [photos, labels].
        strength: of the penalty that cross-validation chose.
    """

    head: Head
    of_classes: npt.NDArray[np.float32]
    held_out: npt.NDArray[np.float32]
    strength: float


def consecutive_folds(targets: Classes) -> npt.NDArray[np.int64]:
    """The fold of each photo: those of a class one after another, as photos of one moment are.

    Near-copies are then in one fold but for a few, and none is told by its neighbour.
    """
    folds = np.zeros(len(targets), np.int64)
    for one in np.unique(targets):
        rows = np.flatnonzero(targets == one)
        folds[rows] = np.arange(len(rows)) * FOLDS // len(rows)
    return folds


def learn(lesson: Lesson, old: Head, *, unknown: bool) -> Learned:
    """The head of a lesson, near an old one.

    The strength of the penalty is the one with which the heads of folds predict the others best.
    The old head's probabilities are calibrated; the new one stays near it, and a temperature fitted
    to the folds was no better (the sample's photos are those that its network was trained on).

    Args:
        lesson: with 1 or more photos of each class.
        old: with some of the lesson's classes.
        unknown: whether pictures can be unknown.
    """
    features, targets, folds = lesson.all_features()
    # NumPy counts only what is no longer than a pointer: 32 bits on a 32-bit system.
    counts = np.bincount(targets.astype(np.intp), minlength=len(lesson.classes))
    weights = (len(targets) / len(counts) / np.maximum(counts, 1))[targets]
    about = _about(old, lesson.classes)
    firm = np.array([FIRMNESS if one in old.classes else 1.0 for one in lesson.classes])
    span = Span.of(features)
    inside, near = features.astype(np.float64) @ span.basis, span.inside(about)
    found = {
        strength: cross_validated(
            inside, targets, folds, about=near, strengths=strength * firm, weights=weights
        )
        for strength in STRENGTHS
    }
    best = min(found, key=lambda strength: log_loss(found[strength], targets, weights))
    solved = solve_head(inside, targets, about=near, strengths=best * firm, weights=weights)
    whole = span.outside(solved, about)
    head = Head(
        lesson.classes,
        whole.kernel.T.astype(np.float32),
        whole.bias.astype(np.float32),
        None,
    )
    photos = len(lesson.targets)
    of_classes = found[best][:photos]
    if not unknown:
        answers = of_classes.astype(np.float32)
        return Learned(head, answers, answers, best)
    reach, far = _unknown(lesson, of_classes)
    head = Head(head.classes, head.weights, head.bias, unknown_weights(reach))
    held_out = with_unknown(of_classes, far, len(head.labels))
    return Learned(head, of_classes.astype(np.float32), held_out, best)


def _about(old: Head, classes: tuple[str, ...]) -> LinearHead:
    """The old head with new classes at the mean of the others, which is 0 once it is taken away."""
    kernel = np.zeros((old.weights.shape[1], len(classes)))
    bias = np.zeros(len(classes))
    for weights, shift, label in zip(old.weights, old.bias, old.classes, strict=True):
        index = classes.index(label)
        kernel[:, index], bias[index] = weights - old.weights.mean(axis=0), shift - old.bias.mean()
    return LinearHead(kernel, bias)


def _unknown(
    lesson: Lesson, of_classes: npt.NDArray[np.float64]
) -> tuple[Unknown, npt.NDArray[np.float64]]:
    """When a picture is unknown, and the probability of it of each photo by other photos."""
    features, targets, folds = lesson.all_features()
    examples = lesson.classes[-1] == UNKNOWN
    known = targets < len(lesson.classes) - examples
    photos = len(lesson.targets)
    distances = np.zeros(photos)
    for fold in np.unique(folds):
        learned, held = (folds != fold) & known, (folds == fold)[:photos]
        distance = fit_distance(features[learned], targets[learned])
        distances[held] = distance.of(lesson.features[held])
    whole = fit_distance(features[known], targets[known])
    of = known[:photos]
    reach = fit_unknown(whole, distances[of], of_classes[of])
    odds = reach.slope * (distances - reach.threshold)
    return reach, 1 / (1 + np.exp(-np.clip(odds, -500, 500)))
