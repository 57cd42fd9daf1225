"""The head that features ask for: multinomial logistic regression about the head that is there.

The old head has learned from photos that are not here. So the penalty is on the distance from it,
not on the weights themselves: the most probable head whose prior is normal about the old one (as
Li et al., "Explicit inductive bias for transfer learning", ICML 2018, do for whole networks). A
new class begins at the mean of the others. The problem is convex, and L-BFGS in NumPy solves it,
since a device has no SciPy.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.class_distance import Classes
from edgetl.edge.teach.head import softmax

Weights = npt.NDArray[np.float64]
Probabilities = npt.NDArray[np.float64]

# Of the penalty of a new class, from weak to strong.
STRENGTHS = (1e-3, 1e-2, 1e-1, 1.0)
# Those of before have learned from more photos than are here, and are held so much more firmly: of
# 1, 10 and 100 the best on trashnet, with 8, 20 and 50 photos a class in the sample.
FIRMNESS = 10.0
_MAX_ITERATIONS = 500
_TOLERANCE = 1e-6
# How many steps L-BFGS has in mind.
_MEMORY = 10
# A step is taken where it wins so much of what the slope promises (Armijo).
_ENOUGH = 1e-4
_SMALLEST = 1e-12


@dataclass(frozen=True)
class LinearHead:
    """`kernel` is float64 [channels, classes], `bias` float64 [classes]; logits are features @
    kernel + bias.
    """

    kernel: Weights
    bias: Weights

    def probabilities(self, features: npt.NDArray[np.floating[Any]]) -> Probabilities:
        """Of features [pictures, channels]: float64 [pictures, classes]."""
        return softmax(features.astype(np.float64) @ self.kernel + self.bias)


def solve_head(
    features: npt.NDArray[np.floating[Any]],
    targets: Classes,
    *,
    about: LinearHead,
    strengths: Weights,
    weights: Weights,
) -> LinearHead:
    """The head with the smallest mean cross-entropy, plus half of each class's squared distance
    from another head times its strength. The bias is not penalized.

    Args:
        features: [pictures, channels].
        targets: the class of each picture.
        about: the other head.
        strengths: of each class's penalty, above 0.
        weights: of each picture in the loss.
    """
    classes = len(about.bias)
    exact = features.astype(np.float64)
    from_other = exact @ about.kernel + about.bias
    # Centred, which changes nothing but the speed.
    centre = exact.mean(axis=0)
    centred = exact - centre
    share = weights / weights.sum()
    rows = np.arange(len(targets))
    size = features.shape[1] * classes

    def loss(flat: Weights) -> tuple[float, Weights]:
        kernel, bias = flat[:size].reshape(-1, classes), flat[size:]
        found = softmax(from_other + centred @ kernel + bias)
        entropy = -np.log(np.maximum(found[rows, targets], 1e-300)) @ share
        error = found
        error[rows, targets] -= 1
        error *= share[:, np.newaxis]
        slope = centred.T @ error + strengths * kernel
        value = float(entropy + (strengths * kernel * kernel).sum() / 2)
        return value, np.concatenate([slope.ravel(), error.sum(axis=0)])

    flat = minimized(loss, np.zeros(size + classes))
    kernel = flat[:size].reshape(-1, classes)
    bias = about.bias + flat[size:] - centre @ kernel
    return LinearHead(about.kernel + kernel, bias)


@dataclass(frozen=True)
class Span:
    """What pictures' features span, in which heads are found in fewer numbers.

    Attributes:
        basis: orthonormal, float64 [channels, up to as many as pictures].
    """

    basis: Weights

    @classmethod
    def of(cls, features: npt.NDArray[np.floating[Any]]) -> "Span":
        """The span of features [pictures, channels]."""
        return cls(np.linalg.qr(features.T.astype(np.float64))[0])

    def inside(self, head: LinearHead) -> LinearHead:
        """The head of features @ basis that gives these features what `head` gives."""
        return LinearHead(self.basis.T @ head.kernel, head.bias)

    def outside(self, found: LinearHead, about: LinearHead) -> LinearHead:
        """The head of the features themselves, which beyond the span is as `about` is."""
        beyond = about.kernel - self.basis @ (self.basis.T @ about.kernel)
        return LinearHead(beyond + self.basis @ found.kernel, found.bias)


def minimized(loss: Callable[[Weights], tuple[float, Weights]], start: Weights) -> Weights:
    """Where a smooth convex function is smallest, by L-BFGS (Liu and Nocedal, 1989).

    Args:
        loss: the function's value and its gradient.
        start: where to begin.
    """
    here, (value, slope) = start, loss(start)
    steps: list[tuple[Weights, Weights]] = []
    for _ in range(_MAX_ITERATIONS):
        if np.abs(slope).max() <= _TOLERANCE:
            break
        direction = -_times_inverse(steps, slope)
        falls = float(slope @ direction)
        length = 1.0 if steps else min(1.0, 1 / float(np.abs(slope).sum()))
        while True:
            there = here + length * direction
            new_value, new_slope = loss(there)
            if new_value <= value + _ENOUGH * length * falls:
                break
            length /= 2
            if length < 1e-10:
                # No lower in this direction: as exact as the arithmetic is.
                return here
        step, change = there - here, new_slope - slope
        if step @ change > _SMALLEST:
            steps = [*steps[-_MEMORY + 1 :], (step, change)]
        here, value, slope = there, new_value, new_slope
    return here


def _times_inverse(steps: Sequence[tuple[Weights, Weights]], slope: Weights) -> Weights:
    """The slope times the inverse of the second derivatives, as the last steps have it."""
    if not steps:
        return slope
    found = slope.copy()
    factors = []
    for step, change in reversed(steps):
        factor = (step @ found) / (step @ change)
        found -= factor * change
        factors.append(factor)
    step, change = steps[-1]
    found *= (step @ change) / (change @ change)
    for (step, change), factor in zip(steps, reversed(factors), strict=True):
        found += (factor - (change @ found) / (step @ change)) * step
    return found


def cross_validated(
    features: npt.NDArray[np.floating[Any]],
    targets: Classes,
    folds: npt.NDArray[np.int64],
    *,
    about: LinearHead,
    strengths: Weights,
    weights: Weights,
) -> Probabilities:
    """The probabilities of every picture, by a head that did not learn from its fold.

    The arguments are those of `solve_head`, with the fold of each picture.
    """
    found = np.zeros((len(targets), len(about.bias)))
    for fold in np.unique(folds):
        held = folds == fold
        head = solve_head(
            features[~held],
            targets[~held],
            about=about,
            strengths=strengths,
            weights=weights[~held],
        )
        found[held] = head.probabilities(features[held])
    return found


def log_loss(probabilities: Probabilities, targets: Classes, weights: Weights) -> float:
    """The weighted mean cross-entropy in nats, probabilities clipped at 1e-7."""
    chosen = np.clip(probabilities[np.arange(len(targets)), targets], 1e-7, 1)
    return float(-np.log(chosen) @ weights / weights.sum())
