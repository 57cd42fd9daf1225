"""A linear classifier of features, solved to convergence: multinomial logistic regression.

A head on a frozen backbone is a convex problem, so that it has one solution, which does not depend
on a learning rate or a number of epochs (Kumar et al., ICLR 2022,
https://arxiv.org/abs/2202.10054, begin fine-tuning there). Imports no TensorFlow.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.trainer import metrics
from edgetl.trainer.fitting.rows import Rows

Features = npt.NDArray[np.float32]
Weights = npt.NDArray[np.float64]

# Of the penalty, from weak to strong; the best of real data sets lie well inside.
STRENGTHS = tuple(float(strength) for strength in np.logspace(-5, 0, 6))
# A fold's best strength is not worth more iterations than change its third digit.
_MAX_ITERATIONS = 500
_TOLERANCE = 1e-6
# Pictures whose features are in memory at a time, where they are on disk.
_BLOCK = 8192


@dataclass(frozen=True)
class LinearHead:
    """`kernel` is float64 [features, classes], `bias` float64 [classes]; logits are x @ kernel +
    bias.
    """

    kernel: Weights
    bias: Weights

    def probabilities(self, features: Features) -> metrics.Probabilities:
        """float32 [pictures, classes] of features, float32 [pictures, features]."""
        return metrics.softmax(features @ self.kernel + self.bias).astype(np.float32)


def solve_head(
    features: Features | Rows,
    targets: metrics.Classes,
    *,
    classes: int,
    strength: float,
    weights: npt.NDArray[np.float64] | None = None,
    start: LinearHead | None = None,
    iterations: int = _MAX_ITERATIONS,
) -> LinearHead:
    """The head with the smallest mean cross-entropy plus `strength` / 2 times its squared weights.

    By L-BFGS (Liu and Nocedal, 1989). The bias is not penalized, and features are centred while
    solving, which changes nothing but the speed.

    Args:
        features: float32 [pictures, features]; those on disk are read anew in each iteration, so
            that memory does not grow with their number.
        targets: the class of each picture.
        classes: how many there are.
        strength: of the penalty, above 0.
        weights: of each picture in the loss, float64 [pictures]; all alike if None.
        start: where to begin: a head of almost the same strength saves iterations.
        iterations: of L-BFGS at most, each of which goes through all pictures once or twice.
    """
    from scipy.optimize import minimize

    if not isinstance(features, Rows) and (basis := _basis(features)) is not None:
        if start is not None:
            start = LinearHead(basis.T.astype(np.float64) @ start.kernel, start.bias)
        solved = solve_head(
            features @ basis,
            targets,
            classes=classes,
            strength=strength,
            weights=weights,
            start=start,
            iterations=iterations,
        )
        return LinearHead(basis.astype(np.float64) @ solved.kernel, solved.bias)
    centre, centred = _centred(features)
    share = np.full(len(targets), 1.0) if weights is None else weights
    share = share / share.sum()
    size = len(centre) * classes

    def loss(flat: Weights) -> tuple[float, Weights]:
        kernel, bias = flat[:size].reshape(-1, classes), flat[size:]
        single = kernel.astype(np.float32)
        value = strength / 2 * float((kernel * kernel).sum())
        slope, of_bias = strength * kernel, np.zeros(classes)
        for some, block in centred():
            probabilities = metrics.softmax((block @ single).astype(np.float64) + bias)
            true = np.arange(len(block)), targets[some]
            value -= float(np.log(np.maximum(probabilities[true], 1e-300)) @ share[some])
            error = probabilities
            error[true] -= 1
            error *= share[some, np.newaxis]
            slope = slope + (block.T @ error.astype(np.float32)).astype(np.float64)
            of_bias += error.sum(axis=0)
        return value, np.concatenate([slope.ravel(), of_bias])

    first = np.zeros(size + classes)
    if start is not None:
        bias = start.bias + centre @ start.kernel
        first = np.concatenate([start.kernel.ravel(), bias])
    found = minimize(
        loss,
        first,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": iterations, "gtol": _TOLERANCE, "ftol": 1e-8},
    )
    kernel = found.x[:size].reshape(-1, classes)
    return LinearHead(kernel, found.x[size:] - centre @ kernel)


def _centred(
    features: Features | Rows,
) -> tuple[Weights, Callable[[], Iterable[tuple[slice, Features]]]]:
    """The mean of features, and what goes through them without it: some pictures at a time."""
    if not isinstance(features, Rows):
        centre = features.mean(axis=0, dtype=np.float64)
        whole = (slice(0, len(features)), (features - centre).astype(np.float32))
        return centre, lambda: [whole]
    on_disk = features
    total = np.sum([b.sum(axis=0, dtype=np.float64) for _, b in on_disk.blocks(_BLOCK)], axis=0)
    centre = total / len(on_disk)
    single = centre.astype(np.float32)
    return centre, lambda: ((some, block - single) for some, block in on_disk.blocks(_BLOCK))


def _basis(features: Features) -> Features | None:
    """An orthonormal basis of what fewer pictures than features span, float32 [features, pictures].

    The solution lies there, and is found in fewer dimensions; None for more pictures.
    """
    if len(features) >= features.shape[1]:
        return None
    basis: Features = np.linalg.qr(features.T.astype(np.float64))[0].astype(np.float32)
    return basis


def cross_validated_probabilities(
    features: Features,
    targets: metrics.Classes,
    folds: npt.NDArray[np.int64],
    *,
    classes: int,
    strengths: Sequence[float],
    weights: npt.NDArray[np.float64] | None = None,
) -> dict[float, metrics.Probabilities]:
    """Of each strength the probabilities of every picture, by a head that did not learn from it.

    Args:
        features: float32 [pictures, features].
        targets: the class of each picture.
        folds: the fold of each picture; every fold is predicted by a head of the others.
        classes: how many there are.
        strengths: of the penalty; solved from the strongest on, each from the one before, until
            two in a row are worse than the best: weaker ones overfit more, and take longest.
        weights: of each picture in the loss.

    Returns:
        float32 [pictures, classes] by strength.
    """
    parts = [_fold(features, folds != fold) for fold in np.unique(folds)]
    heads: list[LinearHead | None] = [None] * len(parts)
    found: dict[float, metrics.Probabilities] = {}
    losses: list[float] = []
    for strength in sorted(strengths, reverse=True):
        predicted = np.zeros((len(targets), classes), np.float32)
        for number, (learned, rest, held) in enumerate(parts):
            head = heads[number] = solve_head(
                rest,
                targets[learned],
                classes=classes,
                strength=strength,
                weights=None if weights is None else weights[learned],
                start=heads[number],
            )
            predicted[~learned] = head.probabilities(held)
        found[strength] = predicted
        losses.append(metrics.log_loss(predicted, targets))
        if min(losses[-2:]) > min(losses):
            break
    return found


def _fold(
    features: Features, learned: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.bool_], Features, Features]:
    """Which pictures are learned from, and the features of these and of the others, in fewer
    dimensions where these span fewer, once for all strengths.
    """
    rest, held = features[learned], features[~learned]
    basis = _basis(rest)
    return (learned, rest, held) if basis is None else (learned, rest @ basis, held @ basis)


def best_strength(
    probabilities: dict[float, metrics.Probabilities], targets: metrics.Classes
) -> float:
    """The strength whose cross-validated probabilities have the smallest cross-entropy."""
    return min(
        probabilities, key=lambda strength: metrics.log_loss(probabilities[strength], targets)
    )
