"""How far a picture is from the known classes, and from where on it is called "unknown".

The distance is that of Mahalanobis to the nearest class, with one covariance for all classes (Lee
et al., NeurIPS 2018, https://arxiv.org/abs/1807.03888), between pooled features scaled to unit
length; the covariance is shrunk towards a multiple of the identity (Ledoit and Wolf, Journal of
Multivariate Analysis 88, 2004), and only its largest principal directions are kept. Training and
`edgetl teach` on the device both fit it, so that nothing here needs SciPy.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.intervals import student_t_quantile

Features = npt.NDArray[np.floating[Any]]
Classes = npt.NDArray[np.int64]

# Of held-out photos of the known classes, this share is not to be called unknown.
PASSING = 0.99
# 16 directions are as good on five of six data sets, and 64 no better on any (docs/unknown.md).
_RANK = 32
_SHRINKAGE = 0.1
# A photo as near as the median of the held-out ones is unknown at this probability.
_AT_MEDIAN = 0.001
_SMALLEST = 1e-12


@dataclass(frozen=True)
class ClassDistance:
    """The squared distance of features to the nearest class.

    Attributes:
        means: of each known class's unit features, float64 [classes, channels].
        basis: principal directions within classes, float64 [channels, rank], each of a length of 0
            (as variable as all others) to 1.
        variance: of the other directions.
    """

    means: npt.NDArray[np.float64]
    basis: npt.NDArray[np.float64]
    variance: float

    def of(self, features: Features) -> npt.NDArray[np.float64]:
        """The distances of pooled features [pictures, channels]: float64 [pictures], 0 or more."""
        unit = unit_length(features)
        nearest = np.full(len(unit), np.inf)
        for mean in self.means:
            away = unit - mean
            squared = (away**2).sum(axis=1) - ((away @ self.basis) ** 2).sum(axis=1)
            nearest = np.minimum(nearest, squared)
        found: npt.NDArray[np.float64] = np.maximum(nearest, 0) / self.variance
        return found


@dataclass(frozen=True)
class Unknown:
    """When a picture is unknown: the logarithm of its odds is `slope` * (distance - `threshold`).

    Attributes:
        held_out: how many photos of known classes the threshold is by, which were not trained on.
        passed: how many of them are not called unknown.
    """

    distance: ClassDistance
    slope: float
    threshold: float
    held_out: int
    passed: int


def unit_length(features: Features) -> npt.NDArray[np.float64]:
    """Features [pictures, channels] scaled to a length of 1."""
    exact = features.astype(np.float64)
    found: npt.NDArray[np.float64] = exact / np.sqrt((exact**2).sum(axis=1, keepdims=True) + 1e-12)
    return found


def fit_distance(features: Features, targets: Classes) -> ClassDistance:
    """The distance from photos of the known classes: pooled features [pictures, channels]."""
    unit = unit_length(features)
    classes, own = np.unique(targets, return_inverse=True)
    means = np.stack([unit[targets == one].mean(axis=0) for one in classes])
    within = unit - means[own]
    channels = unit.shape[1]
    variances, directions = _principal(within)
    mean = max(float((within**2).sum()) / len(within) / channels, _SMALLEST)
    variance = _SHRINKAGE * mean
    kept = (1 - _SHRINKAGE) * variances
    return ClassDistance(means, directions * np.sqrt(kept / (kept + variance)), variance)


def _principal(within: npt.NDArray[np.float64]) -> tuple[Any, Any]:
    """The largest variances, and the directions [channels, rank] that have them."""
    pictures, channels = within.shape
    rank = min(_RANK, pictures, channels)
    few = pictures < channels
    # Both matrices have the same eigenvalues, and the smaller one is solved sooner.
    product = (within @ within.T if few else within.T @ within) / pictures
    values, vectors = np.linalg.eigh(product)
    values, vectors = np.maximum(values[-rank:], 0), vectors[:, -rank:]
    if few:
        vectors = within.T @ vectors
        vectors /= np.maximum(np.linalg.norm(vectors, axis=0), _SMALLEST)
    return values, vectors


def fit_unknown(
    distance: ClassDistance, distances: npt.NDArray[np.float64], probabilities: Features
) -> Unknown:
    """The threshold at which 99 % of held-out photos of known classes pass.

    Args:
        distance: that the file will hold.
        distances: of the held-out photos, [pictures], from models that did not learn from them.
        probabilities: of each, [pictures, classes]. Beyond the known classes there may be one of
            examples of what is unknown.
    """
    known = len(distance.means)
    confidences = probabilities[:, :known].max(axis=1)
    of_examples = probabilities[:, known:].sum(axis=1)
    median, quantile = float(np.median(distances)), _quantile(distances)
    slope = math.log((1 - _AT_MEDIAN) / _AT_MEDIAN) / max(quantile - median, 1e-3 * median, 1e-9)
    # "unknown" competes with the most probable class: it wins where the logarithm of its odds is
    # above that of the class's probability.
    needed = distances - np.log(np.maximum(confidences, _SMALLEST)) / slope
    threshold = _quantile(needed)
    far = 1 / (1 + np.exp(-np.clip(slope * (distances - threshold), -500, 500)))
    passed = int((confidences * (1 - far) >= of_examples * (1 - far) + far).sum())
    return Unknown(distance, slope, threshold, len(distances), passed)


def _quantile(values: npt.NDArray[np.float64]) -> float:
    """Below which the next such value lies in 99 of 100 cases.

    Of 99 values or more that is one of them: conformal prediction (Vovk et al., Algorithmic
    Learning in a Random World, 2005).
    """
    rank = math.ceil(round(PASSING * (len(values) + 1), 6))
    if rank <= len(values):
        return float(np.sort(values)[rank - 1])
    found = float(values.max())
    if len(values) < 2:
        return 2 * found
    # Where the next one may lie, if their logarithms are drawn from a normal distribution.
    logarithms = np.log(np.maximum(values, _SMALLEST))
    wide = student_t_quantile(PASSING, len(values) - 1) * math.sqrt(1 + 1 / len(values))
    return max(found, math.exp(logarithms.mean() + wide * float(logarithms.std(ddof=1))))


@dataclass(frozen=True)
class UnknownWeights:
    """The logarithm of the odds of "unknown" as a network has it, of unit features g.

    It is `offset` - |projection' g|^2 - max(linear' g - constants): the distance of z = g - m,
    |z|^2 / v - |B'z|^2 / v, is linear in g, with |g| = 1, but for |B'g|^2.

    Attributes:
        projection: float32 [channels, rank].
        linear: float32 [channels, classes].
        constants: float32 [classes].
    """

    projection: npt.NDArray[np.float32]
    linear: npt.NDArray[np.float32]
    constants: npt.NDArray[np.float32]
    offset: float


def unknown_weights(unknown: Unknown) -> UnknownWeights:
    """The weights of what `Unknown` says."""
    distance, scale = unknown.distance, unknown.slope / unknown.distance.variance
    across = distance.means @ distance.basis
    linear = 2 * scale * (distance.means - across @ distance.basis.T)
    constants = scale * ((distance.means**2).sum(axis=1) - (across**2).sum(axis=1))
    return UnknownWeights(
        projection=(np.sqrt(scale) * distance.basis).astype(np.float32),
        linear=linear.T.astype(np.float32),
        constants=constants.astype(np.float32),
        offset=float(scale - unknown.slope * unknown.threshold),
    )
