"""What a run knows of more photos, as metrics.json holds it. Imports nothing heavy."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class CurvePoint:
    """What heads reached that learned from some of the photos.

    Attributes:
        photos: how many they learned from.
        error: the share of photos that they have wrong, which they did not learn from, 0..1.
        of: how many different photos that is of.
    """

    photos: int
    error: float
    of: int


@dataclass(frozen=True)
class ClassNeed:
    """What a class has, and how many photos it wants.

    Attributes:
        photos: that it was trained on.
        recall: of its photos that were held out, 0..1.
        more: so many more photos of it, for `recall_wanted`; 0 where it has that, None where that
            cannot be told or would take ten times as many as there are.
    """

    photos: int
    recall: float
    more: int | None


@dataclass(frozen=True)
class LearningCurve:
    """How the error falls as photos are added: as their number to the power of -`exponent`.

    Attributes:
        points: the smallest part of the photos first.
        exponent: 0..0.5; None where the points do not tell it from 0.
        error: of the run's own model on photos that were held out, 0..1.
        recall_wanted: 0..1.
        classes: by label.
    """

    points: tuple[CurvePoint, ...]
    exponent: float | None
    error: float
    recall_wanted: float
    classes: Mapping[str, ClassNeed]

    @property
    def gain_of_twice(self) -> float:
        """How much the accuracy would rise with twice as many photos of every class, 0..1."""
        return 0.0 if self.exponent is None else float(self.error * (1 - 2**-self.exponent))
