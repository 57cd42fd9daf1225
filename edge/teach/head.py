"""What follows a model's pooled features, as NumPy has it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.class_distance import UnknownWeights, unit_length
from edgetl.edge.model.special_labels import UNKNOWN

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Head:
    """From pooled features to the probability of each label.

    Attributes:
        classes: what the weights tell apart; the last may be "unknown", of photos that are examples
            of it.
        weights: float32 [classes, channels].
        bias: float32 [classes].
        unknown: how far the classes reach, or None where nothing is unknown but what looks like
            those examples.
    """

    classes: tuple[str, ...]
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    unknown: UnknownWeights | None

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes, and "unknown" as the last where pictures can be."""
        if self.unknown is None or self.classes[-1] == UNKNOWN:
            return self.classes
        return (*self.classes, UNKNOWN)

    def logits(self, features: Features) -> npt.NDArray[np.float64]:
        """Of pooled features, float32 [pictures, channels]: float64 [pictures, classes]."""
        exact = features.astype(np.float64)
        return np.asarray(exact @ self.weights.T.astype(np.float64) + self.bias)

    def probabilities(self, features: Features) -> npt.NDArray[np.float32]:
        """Of pooled features, float32 [pictures, channels]: float32 [pictures, labels]."""
        shares = softmax(self.logits(features))
        if self.unknown is None:
            return shares.astype(np.float32)
        return with_unknown(shares, _far(features, self.unknown), len(self.labels))


def with_unknown(
    shares: npt.NDArray[np.float64], far: npt.NDArray[np.float64], labels: int
) -> npt.NDArray[np.float32]:
    """Probabilities of labels, the last of which is "unknown".

    Args:
        shares: of the classes, [pictures, classes]; the last may be examples of "unknown".
        far: of being unknown, [pictures].
        labels: how many there are.

    Returns:
        float32 [pictures, labels].
    """
    found = np.zeros((len(shares), labels))
    found[:, : shares.shape[1]] = shares
    found *= 1 - far[:, np.newaxis]
    found[:, -1] += far
    return found.astype(np.float32)


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Probabilities of logits, both [pictures, classes]."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _far(features: Features, unknown: UnknownWeights) -> npt.NDArray[np.float64]:
    """The probability of being unknown, without what classes are probable: [pictures]."""
    unit = unit_length(features)
    across = unit @ unknown.projection.astype(np.float64)
    along = unit @ unknown.linear.astype(np.float64) - unknown.constants
    odds = unknown.offset - (across**2).sum(axis=1) - along.max(axis=1)
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -500, 500))))
