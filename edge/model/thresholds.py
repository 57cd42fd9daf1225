"""Thresholds by what they promise: the probability from which on a class is right so often.

`train` records how often held-out photos were right above each probability, and the record goes
with the model file; here a precision is looked up in it. Importing this loads nothing heavy.

The probabilities recorded are those of the classifier alone. A file with the label "unknown" gives
each class its share of what is left beside that, which is less: then a threshold lets fewer
pictures pass, never more.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgetl.edge.errors import ModelFileError, SettingError, quoted
from edgetl.edge.model.intervals import wilson_interval
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.system.json_record import DamagedError, from_json

if TYPE_CHECKING:
    from edgetl.edge.model.model_file import ModelFile

# No lower precision can be asked for.
LOWEST_PRECISION = 0.5


@dataclass(frozen=True)
class Precision:
    """The share of answers that is to be right, from 0.5 to below 1.

    Raises:
        SettingError: it is none.
    """

    share: float

    def __post_init__(self) -> None:
        if not LOWEST_PRECISION <= self.share < 1:
            raise _no_precision(str(self.share))

    def __str__(self) -> str:
        """As it is typed."""
        return f"precision={self.share}"


def parse_threshold(text: str) -> float | Precision:
    """The threshold that is typed as a probability, 0.8, or as what it promises, precision=0.99.

    Raises:
        SettingError: it is neither.
    """
    name, sign, value = text.partition("=")
    if sign and name == "precision":
        try:
            share = float(value)
        except ValueError:
            raise _no_precision(value) from None
        return Precision(share)
    try:
        return float(text)
    except ValueError:
        raise SettingError(
            f"--threshold {quoted(text)!r}: give a probability, as 0.8, or the share of answers "
            f"that is to be right, as precision=0.99"
        ) from None


def _no_precision(value: str) -> SettingError:
    return SettingError(
        f"--threshold precision={quoted(value)}: give a share from {LOWEST_PRECISION} to below 1, "
        f"as precision=0.99"
    )


@dataclass(frozen=True)
class ClassThreshold:
    """From where on a class is right often enough.

    Attributes:
        threshold: a probability, 0..1; infinite where none is high enough.
        right, answered: held-out photos from there on; where it is infinite, at the best threshold.
        excluded: 1 where the next photo below is left out for being wrong, else 0. These photos
            chose the threshold, which flatters it as much as if that one were not counted. Also 1
            where no photo is wrong: from a few that are all right nobody may expect 100 %.
    """

    threshold: float
    right: int = 0
    answered: int = 0
    excluded: int = 0

    @property
    def expected(self) -> float:
        """The share of new answers that may be expected to be right, 0..1, if any was answered."""
        return self.right / (self.answered + self.excluded)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that share."""
        return wilson_interval(self.right, self.answered + self.excluded)


@dataclass(frozen=True)
class ClassPrecision:
    """How many held-out photos given one class are right, by threshold.

    The i-th of each belong together. Thresholds rise, and the precision, `right` / `answered`, with
    them: thresholds that are no better than a lower one are left out.

    Attributes:
        pictures: held-out photos given the class at any probability.
        thresholds: probabilities, 0..1.
        right: of the photos answered, those whose class it is.
        answered: photos given the class at this probability or a higher one.

    Raises:
        DamagedError: they do not belong together.
    """

    pictures: int
    thresholds: tuple[float, ...] = ()
    right: tuple[int, ...] = ()
    answered: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        counts = list(zip(self.right, self.answered, strict=False))
        same = len(self.thresholds) == len(self.right) == len(self.answered)
        if not same or not all(0 <= right <= answered > 0 for right, answered in counts):
            raise DamagedError("thresholds, right and answered do not belong together")

    def at(self, precision: float) -> ClassThreshold:
        """The lowest threshold from which on at least this share is right, 0.5 to below 1.

        That is the share of new photos to be expected; or, where too few photos were held out to
        expect so much at any threshold, the share of those.
        """
        points = [
            ClassThreshold(
                threshold, right, answered, int(answered < self.pictures or right == answered)
            )
            for threshold, right, answered in zip(
                self.thresholds, self.right, self.answered, strict=True
            )
        ]
        for one in points:
            if one.expected >= precision:
                return one
        for one in points:
            if one.right / one.answered >= precision:
                return one
        return replace(points[-1], threshold=math.inf) if points else ClassThreshold(math.inf)


# Of a class that no photo was held out of: whatever is called so passes.
_EVERYTHING = ClassThreshold(0.0)


@dataclass(frozen=True)
class PrecisionThresholds:
    """The thresholds that a precision asks for.

    Attributes:
        pictures: how many held-out photos they are by.
        classes: each label with its threshold.
    """

    pictures: int
    classes: Sequence[tuple[str, ClassThreshold]]

    @property
    def reached(self) -> list[tuple[str, ClassThreshold]]:
        """The classes that have a threshold by held-out photos."""
        return [one for one in self.classes if one[1].threshold < math.inf and one[1].answered]

    @property
    def missed(self) -> list[tuple[str, ClassThreshold]]:
        """The classes that are never right often enough."""
        return [one for one in self.classes if one[1].threshold == math.inf]

    @property
    def summary(self) -> str:
        """How many held-out photos get an answer, and how many of these are right, in words."""
        reached = [one for _, one in self.reached]
        right, answered, excluded = (
            sum(getattr(one, name) for one in reached) for name in ("right", "answered", "excluded")
        )
        share = 100 * answered / max(self.pictures, 1)
        text = f"{share:.1f} % of {self.pictures} held-out photos get an answer"
        if not answered:
            return text
        low, high = wilson_interval(right, answered + excluded)
        return (
            f"{text}, {100 * right / answered:.1f} % of these right; of new photos expect "
            f"{100 * right / (answered + excluded):.1f} % (95 % interval {100 * low:.1f} to "
            f"{100 * high:.1f})"
        )


@dataclass(frozen=True)
class PrecisionRecord:
    """What held-out photos say of thresholds.

    Attributes:
        pictures: held-out photos of all classes, from models that did not learn from them.
        classes: by label.
    """

    pictures: int
    classes: Mapping[str, ClassPrecision]

    def at(self, precision: float) -> PrecisionThresholds:
        """The thresholds of a precision, 0.5 to below 1."""
        found = [(label, one.at(precision)) for label, one in self.classes.items()]
        return PrecisionThresholds(self.pictures, found)


def precision_record(model: "ModelFile") -> PrecisionRecord | None:
    """The record in a model's manifest; None where there is none, as in a third-party model.

    Raises:
        ModelFileError: it is damaged.
    """
    manifest = model.manifest or {}
    if manifest.get("precision") is None:
        return None
    try:
        record: PrecisionRecord = from_json(PrecisionRecord, manifest["precision"])
        if missing := {*manifest["classes"]} - {*record.classes, UNKNOWN}:
            raise DamagedError(f"{quoted(missing.pop())!r} is missing")
    except DamagedError as error:
        raise ModelFileError(
            f"{quoted(model.path)}: damaged (precision: {error}); export it again"
        ) from error
    return record


def precision_thresholds(model: "ModelFile", precision: Precision) -> PrecisionThresholds:
    """The threshold of each label of a model, in their order.

    That of "unknown" is 0 unless the model learned it from examples.

    Raises:
        SettingError: the model has no record of held-out photos.
        ModelFileError: the record is damaged.
    """
    record = precision_record(model)
    if record is None or model.manifest is None:
        raise SettingError(
            f"{quoted(model.path)}: holds no record of held-out photos, which --threshold "
            f"{precision} needs; give a probability, as --threshold 0.8, or train and export with "
            f"this edgetl"
        )
    found = dict(record.at(precision.share).classes)
    # With --labels they are called otherwise.
    names = zip(model.manifest["classes"], model.labels, strict=True)
    classes = [(name, found.get(own, _EVERYTHING)) for own, name in names]
    return PrecisionThresholds(record.pictures, classes)
