"""Which labels are doubtful: confident learning on probabilities of models that did not see them.

Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", Journal
of Artificial Intelligence Research 70, 2021, https://arxiv.org/abs/1911.00068. Imports no
TensorFlow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.trainer import metrics
from edgetl.trainer.data.dataset import Example

# Probabilities are float32: one that is its class's threshold but for rounding reaches it.
_ROUNDING = 1e-6


@dataclass(frozen=True)
class DoubtfulLabel:
    """A photo whose label is probably wrong.

    Attributes:
        file: relative to the dataset's root.
        label: the class it lies in.
        suggested: the class it looks like.
        probability: of that class, 0..1, by a model that did not learn from the photo.
    """

    file: str
    label: str
    suggested: str
    probability: float


@dataclass(frozen=True)
class LabelCheck:
    """Which labels are doubtful.

    Attributes:
        ranking: the files of all photos that were checked, the most doubtful label first; none of
            so few photos that no fold of them leaves any to learn from.
        doubtful: those that confidently look like another class, in the same order.
    """

    ranking: tuple[str, ...]
    doubtful: tuple[DoubtfulLabel, ...]


def check_labels(
    examples: Sequence[Example], labels: Sequence[str], probabilities: metrics.Probabilities | None
) -> LabelCheck:
    """Find the photos whose label is doubtful.

    Args:
        examples: the photos.
        labels: the classes.
        probabilities: float32 [photos, classes], each photo's by a model that did not learn from
            it; None where there are none.
    """
    if probabilities is None:
        return LabelCheck((), ())
    index = {label: number for number, label in enumerate(labels)}
    targets = np.array([index[example.label] for example in examples], np.int64)
    suggested = suggested_classes(probabilities, targets)
    order = ranked(probabilities, targets).tolist()
    doubtful = (
        DoubtfulLabel(
            examples[row].file,
            examples[row].label,
            labels[suggested[row]],
            float(probabilities[row, suggested[row]]),
        )
        for row in order
        if suggested[row] != targets[row]
    )
    return LabelCheck(tuple(examples[row].file for row in order), tuple(doubtful))


def suggested_classes(
    probabilities: metrics.Probabilities, targets: metrics.Classes
) -> metrics.Classes:
    """Of each photo the class that it confidently is, int [photos]; its label where that is none.

    A photo is counted as one of a class if the probability is at least the mean that the class has
    for the photos labelled so; of several such classes it is the likeliest. So a class that the
    model is less sure of needs less. A label that is the likeliest class of all is not doubted.

    Args:
        probabilities: float32 [photos, classes].
        targets: int [photos], the labels.
    """
    classes = probabilities.shape[1]
    # No probability reaches that of a class without photos.
    thresholds = np.full(classes, np.inf)
    for label in np.unique(targets):
        thresholds[label] = probabilities[targets == label, label].mean(dtype=np.float64)
    # A class that no photo of it is taken for would else be the suggestion for any photo.
    confident = probabilities >= np.maximum(thresholds, 2 * _ROUNDING) - _ROUNDING
    likeliest = np.where(confident, probabilities, -1.0).argmax(axis=1)
    doubted = confident.any(axis=1) & (probabilities.argmax(axis=1) != targets)
    return np.where(doubted, likeliest, targets).astype(np.int64)


def ranked(probabilities: metrics.Probabilities, targets: metrics.Classes) -> npt.NDArray[np.int64]:
    """All photos, the one whose label is most doubtful first: int [photos], their rows.

    By normalized margin: the probability of the label less that of the likeliest other class.
    """
    rows = np.arange(len(targets))
    others = probabilities.copy()
    others[rows, targets] = -np.inf
    margin = probabilities[rows, targets] - others.max(axis=1)
    return np.argsort(margin, kind="stable")
