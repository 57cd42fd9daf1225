"""Whether probabilities mean what they say: of photos called a class at 0.9, nine in ten are.

Guo et al., ICML 2017, https://arxiv.org/abs/1706.04599. Imports no TensorFlow.
"""

import math
from collections.abc import Sequence

import numpy as np

from edgetl.trainer.metrics import Bin, Calibration, Classes, Probabilities, log_loss, softmax

# As in the paper.
BINS = 15
# A temperature is e to the power of a number that is taken to be drawn from a normal distribution
# with this standard deviation: 75 photos that are all right would else ask for one near zero.
_PRIOR_DEVIATION = 0.3
_LOGARITHMS = (-1.5, 1.5)
_SMALLEST = 1e-12


def calibration(probabilities: Probabilities, targets: Classes) -> Calibration:
    """Measure it: probabilities float32 [pictures, classes], one picture or more; classes int."""
    bins = _bins(probabilities, targets)
    distance = sum(one.pictures * abs(one.confidence - one.accuracy) for one in bins)
    errors = probabilities.astype(np.float64)
    errors[np.arange(len(targets)), targets] -= 1
    return Calibration(
        ece=distance / len(targets),
        brier=float((errors**2).sum(axis=1).mean()),
        loss=log_loss(probabilities, targets),
        bins=tuple(bins),
    )


def ece_by_chance(found: Calibration) -> float:
    """The expected calibration error that such probabilities have which mean exactly what they say.

    On few photos it is far from 0: in each bin as many are right as chance lets. It is the mean
    absolute deviation of a binomial distribution, by de Moivre's formula (Diaconis and Zabell,
    Statistical Science 6, 1991).
    """
    pictures = sum(one.pictures for one in found.bins)
    return sum(_deviation(one.pictures, one.confidence) for one in found.bins) / pictures


def _deviation(count: int, share: float) -> float:
    """By how much the number that is right is off the expected one, on the mean."""
    if not 0 < share < 1:
        return 0.0
    above = math.floor(count * share) + 1
    if above > count:
        return 2 * count * (1 - share) * share**count
    choices = math.lgamma(count + 1) - math.lgamma(above + 1) - math.lgamma(count - above + 1)
    powers = above * math.log(share) + (count - above + 1) * math.log1p(-share)
    return 2 * above * math.exp(choices + powers)


def _bins(probabilities: Probabilities, targets: Classes) -> Sequence[Bin]:
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == targets
    number = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        Bin(int(chosen.sum()), float(confidence[chosen].mean()), float(right[chosen].mean()))
        for chosen in (number == one for one in range(BINS))
        if chosen.any()
    ]


def with_temperature(probabilities: Probabilities, temperature: float) -> Probabilities:
    """The probabilities of the same logits divided by `temperature`, above 0."""
    logits = np.log(np.maximum(probabilities.astype(np.float64), _SMALLEST)) / temperature
    return softmax(logits).astype(np.float32)


def fit_temperature(probabilities: Probabilities, targets: Classes) -> float:
    """The temperature with the lowest cross-entropy on photos that were not trained on.

    One near 1 is preferred, the more so the fewer photos there are: the most probable of a
    posterior distribution, whose prior is log-normal.

    Args:
        probabilities: float32 [pictures, classes].
        targets: the class of each picture.
    """
    from scipy.optimize import minimize_scalar

    def cost(logarithm: float) -> float:
        found = with_temperature(probabilities, math.exp(logarithm))
        prior = logarithm**2 / (2 * _PRIOR_DEVIATION**2)
        return len(targets) * log_loss(found, targets) + prior

    found = minimize_scalar(cost, bounds=_LOGARITHMS, method="bounded", options={"xatol": 1e-3})
    return math.exp(found.x)
