"""Whether a file keeps another model's accuracy: the paired difference, its interval, the verdict.

`export` compares a file with Keras, and `teach` a taught file with what it was before.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import quoted
from edgetl.edge.model.class_distance import Classes
from edgetl.edge.model.intervals import tango_interval

Probabilities = npt.NDArray[np.float32]
Verdict = Literal["accepted", "too few to tell", "rejected"]

# The least quantile with which Tango's interval, which is approximate, accepts a file that loses
# 2 points in no more than 5 % of cases, from the 149 pictures on that any method needs: of fewer
# all are right in more than 5 % of cases. That of 95 %, 1.645, accepts it in 6 % at 300 pictures.
Z = 1.743
# A class has few pictures, and one that loses so little is not lost.
_RECALL_POINTS = 5.0
# How likely it may be, over all classes, that one which loses no more seems to.
_RECALL_ERROR = 0.05


@dataclass(frozen=True)
class RecallChange:
    """A class that the file finds more or less often than Keras: recalls 0..1 on its pictures."""

    label: str
    pictures: int
    keras: float
    file: float

    @property
    def lost(self) -> int:
        """By how many pictures the file has fewer right, below 0 if it has more."""
        return round(self.pictures * (self.keras - self.file))


@dataclass(frozen=True)
class PairedDifference:
    """What a file gets wrong that Keras gets right, and the other way round, on the same pictures.

    Attributes:
        pictures: of every split.
        lost: those that only Keras has right.
        gained: those that only the file has right.
        interval: of the accuracy's difference, file less Keras, -1..1: `tango_interval`.
        agreement: the share of pictures given the same class, 0..1.
        largest_difference: between probabilities of the same class of the same picture.
        classes: how many have pictures.
        recalls: the classes whose recall changed, the most fallen first.
    """

    pictures: int
    lost: int
    gained: int
    interval: tuple[float, float]
    agreement: float
    largest_difference: float
    classes: int
    recalls: tuple[RecallChange, ...]

    @property
    def difference(self) -> float:
        """Of the accuracies, file less Keras, -1..1."""
        return (self.gained - self.lost) / self.pictures


def paired_difference(
    probabilities: Probabilities,
    keras_probabilities: Probabilities,
    targets: Classes,
    labels: Sequence[str],
) -> PairedDifference:
    """Compare two sets of probabilities, float32 [pictures, classes], for the same pictures.

    `targets` are their classes, int [pictures]: indices into `labels`.
    """
    predicted, expected = probabilities.argmax(axis=1), keras_probabilities.argmax(axis=1)
    right, keras_right = predicted == targets, expected == targets
    lost, gained = int((keras_right & ~right).sum()), int((right & ~keras_right).sum())
    recalls = [
        RecallChange(
            labels[target],
            int((targets == target).sum()),
            float(keras_right[targets == target].mean()),
            float(right[targets == target].mean()),
        )
        for target in np.unique(targets)
    ]
    changed = [change for change in recalls if change.lost]
    return PairedDifference(
        pictures=len(targets),
        lost=lost,
        gained=gained,
        interval=tango_interval(lost, gained, len(targets), z=Z),
        agreement=float((predicted == expected).mean()),
        largest_difference=float(np.abs(probabilities - keras_probabilities).max()),
        classes=len(recalls),
        recalls=tuple(sorted(changed, key=lambda change: change.file - change.keras)),
    )


def judge(found: PairedDifference, max_drop: float, most: int) -> tuple[Verdict, str | None]:
    """The verdict on a file, and why it is not accepted, to go on with.

    Accepted is a file whose interval excludes a loss of `max_drop`. Rejected is one that lost so
    much on these pictures, more than chance explains, or one with a class whose recall fell: by
    more than 5 points (or `max_drop`, if that is more) in an exact binomial test, at 5 % shared
    among the classes. Of the rest the pictures are too few to tell.

    Args:
        found: on one runtime.
        max_drop: percentage points of accuracy, above 0.
        most: how many pictures the check takes at most.
    """
    low, high = (100 * end for end in found.interval)
    loss = -100 * found.difference
    lost = _lost_class(found, max_drop)
    if lost:
        return "rejected", (
            f"the recall of {quoted(lost.label)} falls from {100 * lost.keras:.0f} to "
            f"{100 * lost.file:.0f} % of {lost.pictures} pictures"
        )
    if -low < max_drop:
        return "accepted", None
    interval = f"({low:+.1f} to {high:+.1f})"
    if high < 0 and loss >= max_drop:
        return "rejected", (
            f"loses {loss:.1f} percentage points of accuracy {interval}, with --max-drop "
            f"{max_drop:g}"
        )
    more = more_pictures(found, max_drop, most)
    remedy = f"about {more} more would tell" if more else "its loss is too near to that"
    return "too few to tell", (
        f"{found.pictures} pictures are too few to tell whether it loses {max_drop:g} percentage "
        f"points of accuracy {interval}; {remedy}"
    )


def more_pictures(found: PairedDifference, max_drop: float, most: int) -> int | None:
    """How many more pictures accept a file that goes on to lose and gain as often.

    `max_drop` is percentage points. None if those that can be checked, `most`, do not.
    """
    lost, gained = found.lost / found.pictures, found.gained / found.pictures
    for pictures in range(found.pictures + 1, most + 1):
        low, _ = tango_interval(lost * pictures, gained * pictures, pictures, z=Z)
        if -100 * low < max_drop:
            return pictures - found.pictures
    return None


def _lost_class(found: PairedDifference, max_drop: float) -> RecallChange | None:
    share = max(max_drop, _RECALL_POINTS) / 100
    for change in found.recalls:
        chance = _at_least(change.lost, change.pictures, share) if change.lost > 0 else 1.0
        if chance <= _RECALL_ERROR / found.classes:
            return change
    return None


def _at_least(times: int, of: int, share: float) -> float:
    """The chance of `times` or more in `of` trials (binomial), by way of logarithms."""
    if share >= 1:
        return 1.0
    logs = [
        math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        + k * math.log(share) + (of - k) * math.log1p(-share)
        for k in range(times, of + 1)
    ]  # fmt: skip
    return math.fsum(map(math.exp, logs))
