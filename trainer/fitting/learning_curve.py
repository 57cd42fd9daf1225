"""How the error falls as photos are added: heads on frozen features, of a part of the photos each.

Errors fall about as a power of the number of photos (Hestness et al., "Deep Learning Scaling is
Predictable, Empirically", 2017, https://arxiv.org/abs/1712.00409). A head of frozen features shows
how fast, in seconds; how far the fine-tuned model has got is measured on it. Imports no TensorFlow.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.learning_curve import ClassNeed, CurvePoint, LearningCurve
from edgetl.trainer.fitting.folds import Folds
from edgetl.trainer.fitting.linear_head import Features, solve_head
from edgetl.trainer.fitting.rows import PhaseInputs
from edgetl.trainer.metrics import Classes, ClassMetrics

# Shares of each class's photos, and how often each is drawn: of few photos chance is larger.
_DRAWN = {0.25: 2, 0.5: 1, 0.75: 1, 1.0: 1}
_FOLDS = 3
# Of more photos so many show the same, and of more held out as well: it is to take no time.
_PICTURES = 1000
_HELD_OUT = 300
# Larger exponents are found by chance, where mistakes are few: those of real data sets are 0.07 to
# 0.35, and theory has 0.5 (Hestness et al.).
_LARGEST = 0.5
# What is asked of a class, and how many times its photos are at most worth a figure.
_RECALL = 0.95
_MOST_TIMES = 10


def measure_curve(
    inputs: PhaseInputs,
    folds: Folds,
    class_weights: Sequence[float],
    strength: float,
    *,
    seed: int,
) -> list[CurvePoint]:
    """The error of heads that learned from a part of each class's photos, on those of other folds.

    Args:
        inputs: pooled features of the training photos.
        folds: of these.
        class_weights: of each class's photos in the loss.
        strength: of the penalty, for all photos.
        seed: of which photos are drawn.

    Returns:
        A point for each part, the smallest first; none where there is one fold.
    """
    plain = inputs.copies[0]
    some = np.linspace(0, len(plain) - 1, min(len(plain), _PICTURES)).astype(np.int64)
    features = plain.file[plain.rows[some]].astype(np.float32)
    targets, units, fold_of = plain.targets[some], folds.units[some], folds.head[some] % _FOLDS
    if len(np.unique(fold_of)) == 1:
        return []
    weights = np.asarray(class_weights, np.float64)
    sizes = np.cumsum(np.unique(fold_of, return_counts=True)[1])
    held_folds = np.unique(fold_of)[: 1 + int(np.searchsorted(sizes, _HELD_OUT))]
    judged = int(np.isin(fold_of, held_folds).sum())
    random = np.random.default_rng(seed)
    points = []
    for share, draws in _DRAWN.items():
        learned, wrong = 0, 0
        for fold in np.repeat(held_folds, draws):
            held = fold_of == fold
            drawn = _drawn(~held, targets, units, share, random)
            given = _predicted(features, targets, drawn, held, weights, strength / share)
            learned += int(drawn.sum())
            wrong += int((given != targets[held]).sum())
        count = round(learned / (draws * len(held_folds)))
        points.append(CurvePoint(count, wrong / (draws * judged), judged))
    return points


def _drawn(
    learned: npt.NDArray[np.bool_],
    targets: Classes,
    units: npt.NDArray[np.str_],
    share: float,
    random: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """A share of each class's photos, groups of near-copies one after another."""
    order = {name: rank for rank, name in enumerate(random.permutation(np.unique(units)))}
    ranks = np.array([order[unit] for unit in units])
    chosen = np.zeros(len(targets), np.bool_)
    for label in np.unique(targets[learned]):
        mine = np.flatnonzero(learned & (targets == label))
        count = max(1, round(share * len(mine)))
        chosen[mine[np.argsort(ranks[mine], kind="stable")][:count]] = True
    return chosen


def _predicted(
    features: Features,
    targets: Classes,
    drawn: npt.NDArray[np.bool_],
    held: npt.NDArray[np.bool_],
    weights: npt.NDArray[np.float64],
    strength: float,
) -> Classes:
    head = solve_head(
        features[drawn],
        targets[drawn],
        classes=len(weights),
        strength=strength,
        weights=weights[targets[drawn]],
    )
    given: Classes = head.probabilities(features[held]).argmax(axis=1)
    return given


def exponent_of(points: Sequence[CurvePoint]) -> float | None:
    """The c of error = b * photos ** -c, 0..0.5; None where the points do not tell it from 0.

    By least squares of the logarithms, each point as good as it has mistakes.
    """
    if len(points) < len(_DRAWN):
        return None
    mistakes = np.array([max(point.error * point.of, 0.5) for point in points])
    x = np.log([point.photos for point in points])
    y = np.log(mistakes / np.array([point.of for point in points]))
    from_mean = x - np.average(x, weights=mistakes)
    spread = float((mistakes * from_mean**2).sum())
    if spread <= 0:
        return None
    exponent = -float((mistakes * from_mean * y).sum()) / spread
    return min(exponent, _LARGEST) if exponent > 1 / math.sqrt(spread) else None


def learning_curve(
    points: Sequence[CurvePoint],
    photos: Mapping[str, int],
    per_class: Mapping[str, ClassMetrics],
    error: float,
) -> LearningCurve | None:
    """The curve of a run, and how many photos its classes want; None without points.

    Args:
        points: of `measure_curve`.
        photos: how many training photos each class has.
        per_class: the figures on photos that were held out.
        error: the share of these that is wrong, 0..1.
    """
    if not points:
        return None
    exponent = exponent_of(points)
    return LearningCurve(
        points=tuple(points),
        exponent=exponent,
        error=error,
        recall_wanted=_RECALL,
        classes={
            label: ClassNeed(photos[label], found.recall, _more(photos[label], found, exponent))
            for label, found in per_class.items()
            if found.recall is not None and photos.get(label)
        },
    )


def _more(photos: int, found: ClassMetrics, exponent: float | None) -> int | None:
    if found.recall is None:
        return None
    times = (1 - found.recall) / (1 - _RECALL)
    if times <= 1 + 1e-9:
        return 0
    if exponent is None or math.log(times) / exponent > math.log(_MOST_TIMES):
        return None
    more = photos * (math.exp(math.log(times) / exponent) - 1)
    # No more is known of it than two digits.
    return max(1, int(float(f"{more:.2g}")))
