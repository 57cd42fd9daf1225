"""The head that features ask for: multinomial logistic regression about the head that is there.

The old head has learned from photos that are not here. So the penalty is on the distance from it,
not on the weights themselves: the most probable head whose prior is normal about the old one (as
Li et al., "Explicit inductive bias for transfer learning", ICML 2018, do for whole networks). A
new class begins at the mean of the others. The problem is convex, and L-BFGS in NumPy solves it,
since a device has no SciPy.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.class_distance import Classes
from edgetl.edge.teach.head import softmax

Weights = npt.NDArray[np.float64]
Probabilities = npt.NDArray[np.float64]

# Of the penalty, from weak to strong.
STRENGTHS = tuple(float(strength) for strength in np.logspace(-4, 0, 5))
_MAX_ITERATIONS = 500
_TOLERANCE = 1e-6
# How many steps L-BFGS has in mind.
_MEMORY = 10
# A step is taken where it wins so much of what the slope promises (Armijo).
_ENOUGH = 1e-4
_SMALLEST = 1e-12
# A temperature is e to the power of a number about 0 with this standard deviation, and within these
# bounds, as in training (`edgetl.trainer.calibration`).
_PRIOR_DEVIATION = 0.3
_LOGARITHMS = (-1.5, 1.5)


@dataclass(frozen=True)
class LinearHead:
    """`kernel` is float64 [channels, classes], `bias` float64 [classes]; logits are features @
    kernel + bias.
    """

    kernel: Weights
    bias: Weights

    def probabilities(self, features: npt.NDArray[np.floating]) -> Probabilities:
        """Of features [pictures, channels]: float64 [pictures, classes]."""
        return softmax(features.astype(np.float64) @ self.kernel + self.bias)


def solve_head(
    features: npt.NDArray[np.floating],
    targets: Classes,
    *,
    about: LinearHead,
    strength: float,
    weights: npt.NDArray[np.float64],
) -> LinearHead:
    """The head with the smallest mean cross-entropy plus `strength` / 2 times its squared distance
    from another, whose bias is not penalized.

    Args:
        features: [pictures, channels].
        targets: the class of each picture.
        about: the other head.
        strength: of the penalty, above 0.
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
        slope = centred.T @ error + strength * kernel
        value = float(entropy + strength / 2 * (kernel * kernel).sum())
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
    def of(cls, features: npt.NDArray[np.floating]) -> "Span":
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
    features: npt.NDArray[np.floating],
    targets: Classes,
    folds: npt.NDArray[np.int64],
    *,
    about: LinearHead,
    strength: float,
    weights: npt.NDArray[np.float64],
) -> Probabilities:
    """The probabilities of every picture, by a head that did not learn from its fold.

    A fold of -1 is learned from by all heads, and its pictures are predicted by the head of all.
    """
    found = np.zeros((len(targets), len(about.bias)))
    for fold in np.unique(folds):
        held = folds == fold
        learned = ~held if fold >= 0 else np.ones(len(folds), np.bool_)
        head = solve_head(
            features[learned],
            targets[learned],
            about=about,
            strength=strength,
            weights=weights[learned],
        )
        found[held] = head.probabilities(features[held])
    return found


def log_loss(
    probabilities: Probabilities, targets: Classes, weights: npt.NDArray[np.float64]
) -> float:
    """The weighted mean cross-entropy in nats, probabilities clipped at 1e-7."""
    chosen = np.clip(probabilities[np.arange(len(targets)), targets], 1e-7, 1)
    return float(-np.log(chosen) @ weights / weights.sum())


def with_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """The probabilities of the same logits divided by `temperature`, above 0."""
    return softmax(np.log(np.maximum(probabilities, _SMALLEST)) / temperature)


def fit_temperature(
    probabilities: Probabilities, targets: Classes, weights: npt.NDArray[np.float64]
) -> float:
    """The temperature with the lowest cross-entropy on pictures that were not learned from.

    One near 1 is preferred, the more so the fewer pictures there are.
    """

    def cost(logarithm: float) -> float:
        found = with_temperature(probabilities, math.exp(logarithm))
        prior = logarithm**2 / (2 * _PRIOR_DEVIATION**2)
        return len(targets) * log_loss(found, targets, weights) + prior

    low, high = _LOGARITHMS
    golden = (math.sqrt(5) - 1) / 2
    while high - low > 1e-3:
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if cost(left) < cost(right) else (left, high)
    return math.exp((low + high) / 2)
