"""Phase one, solved: the head that is best on the frozen backbone's pooled features.

L-BFGS on cached features takes seconds, and its solution depends on no learning rate and no number
of epochs. Fine-tuning that begins at it distorts the features less than from a head that is not
trained to its end (LP-FT, Kumar et al., ICLR 2022, https://arxiv.org/abs/2202.10054).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.trainer import metrics
from edgetl.trainer.fitting.linear_head import (
    STRENGTHS,
    Features,
    LinearHead,
    best_strength,
    cross_validated_probabilities,
    solve_head,
)
from edgetl.trainer.fitting.rows import PhaseInputs

# The loss is flat around the best strength: so many folds and pictures find it.
_FOLDS = 3
_PICTURES = 2000
# Of so few photos that no fold leaves any to learn from.
_DEFAULT_STRENGTH = 1e-2


@dataclass(frozen=True)
class Strength:
    """The strength of the penalty, and the cross-validated cross-entropy of its heads in nats."""

    value: float
    loss: float


def choose_strength(
    inputs: PhaseInputs, folds: npt.NDArray[np.int64], class_weights: Sequence[float]
) -> Strength:
    """The strength of the penalty by cross-validation.

    Args:
        inputs: pooled features of the training pictures.
        folds: the fold of each training picture; near-copies share one.
        class_weights: of each class's pictures in the loss.
    """
    some = np.linspace(0, len(folds) - 1, min(len(folds), _PICTURES)).astype(np.int64)
    taken = np.isin(np.arange(len(folds)), some)
    # Merged, so that few folds hold out every picture.
    merged = folds[taken] % _FOLDS
    if len(np.unique(merged)) == 1:
        return Strength(_DEFAULT_STRENGTH, math.log(len(class_weights)))
    features, targets = _joined(inputs, taken)
    found = cross_validated_probabilities(
        features,
        targets,
        np.tile(merged, len(inputs.copies)),
        classes=len(class_weights),
        strengths=STRENGTHS,
        weights=np.asarray(class_weights)[targets],
    )
    # The first copy is the pictures as they are.
    count = int(taken.sum())
    plain = {strength: probabilities[:count] for strength, probabilities in found.items()}
    best = best_strength(plain, targets[:count])
    return Strength(best, metrics.log_loss(plain[best], targets[:count]))


def solved_head(inputs: PhaseInputs, class_weights: Sequence[float], strength: float) -> LinearHead:
    """The head of the training pictures' pooled features, in all their copies."""
    features, targets = _joined(inputs, None)
    return solve_head(
        features,
        targets,
        classes=len(class_weights),
        strength=strength,
        weights=np.asarray(class_weights)[targets],
    )


def _joined(
    inputs: PhaseInputs, taken: npt.NDArray[np.bool_] | None
) -> tuple[Features, metrics.Classes]:
    copies = inputs.copies if taken is None else [copy.of(taken) for copy in inputs.copies]
    features = np.concatenate([copy.read() for copy in copies])
    return features, np.concatenate([copy.targets for copy in copies])
