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
from edgetl.trainer.fitting.rows import HeadPhotos, PhaseInputs

# The loss is flat around the best strength: so many folds and pictures find it.
_FOLDS = 3
_PICTURES = 2000
# What a head of all photos may take: it begins at that of some of them, and fine-tuning goes on.
_ITERATIONS = 100
# Features that are solved in memory: 128 MB.
_IN_MEMORY = 2**25
# Of so few photos that no fold leaves any to learn from.
_DEFAULT_STRENGTH = 1e-2


@dataclass(frozen=True)
class CrossValidated:
    """The penalty that cross-validation chose, and what its heads predict.

    Attributes:
        strength: of the penalty.
        loss: the cross-entropy of its heads, in nats.
        probabilities: float32 [training pictures, classes], each picture's by a head that did not
            learn from it; None of so few photos that no fold leaves any to learn from.
    """

    strength: float
    loss: float
    probabilities: metrics.Probabilities | None


def cross_validate(
    inputs: PhaseInputs, folds: npt.NDArray[np.int64], class_weights: Sequence[float]
) -> CrossValidated:
    """Choose the strength of the penalty by cross-validation.

    Args:
        inputs: pooled features of the training pictures.
        folds: the fold of each training picture; near-copies share one.
        class_weights: of each class's pictures in the loss.
    """
    # Merged, so that few folds hold out every picture.
    merged = folds % _FOLDS
    some = np.linspace(0, len(folds) - 1, min(len(folds), _PICTURES)).astype(np.int64)
    taken = np.isin(np.arange(len(folds)), some)
    if len(np.unique(merged[taken])) == 1:
        return CrossValidated(_DEFAULT_STRENGTH, math.log(len(class_weights)), None)

    def held_out(
        chosen: npt.NDArray[np.bool_], strengths: Sequence[float]
    ) -> dict[float, metrics.Probabilities]:
        features, targets = _joined(inputs, chosen)
        found = cross_validated_probabilities(
            features,
            targets,
            np.tile(merged[chosen], len(inputs.copies)),
            classes=len(class_weights),
            strengths=strengths,
            weights=np.asarray(class_weights)[targets],
        )
        # The first copy is the pictures as they are.
        count = int(chosen.sum())
        return {strength: probabilities[:count] for strength, probabilities in found.items()}

    targets = inputs.copies[0].targets[taken]
    found = held_out(taken, STRENGTHS)
    best = best_strength(found, targets)
    loss = metrics.log_loss(found[best], targets)
    if not taken.all():
        found = held_out(np.ones(len(folds), np.bool_), [best])
    return CrossValidated(best, loss, found[best])


def solved_head(inputs: PhaseInputs, class_weights: Sequence[float], strength: float) -> LinearHead:
    """The head of the training pictures' pooled features, in all their copies."""
    features, targets = _joined(inputs, np.ones(len(inputs.copies[0]), np.bool_))
    return solve_head(
        features,
        targets,
        classes=len(class_weights),
        strength=strength,
        weights=np.asarray(class_weights)[targets],
    )


def solved_on_all(
    photos: HeadPhotos, sample: PhaseInputs, strength: float, start: LinearHead
) -> LinearHead:
    """The head of more photos than fit in memory.

    Args:
        photos: all of them.
        sample: those that `cross_validate` had.
        strength: that it chose. The penalty is on a mean, so that of more photos it is less.
        start: the head of the sample.
    """
    rows, weights = photos.features, np.asarray(photos.class_weights)
    strength *= min(1.0, min(len(sample.copies[0]), _PICTURES) / len(rows))
    return solve_head(
        rows if len(rows) * rows.file.shape[1] > _IN_MEMORY else rows.read(),
        rows.targets,
        classes=len(weights),
        strength=strength,
        weights=weights[rows.targets],
        start=start,
        iterations=_ITERATIONS,
    )


def _joined(inputs: PhaseInputs, chosen: npt.NDArray[np.bool_]) -> tuple[Features, metrics.Classes]:
    copies = [copy.of(chosen) for copy in inputs.copies]
    features = np.concatenate([copy.read() for copy in copies])
    return features, np.concatenate([copy.targets for copy in copies])
