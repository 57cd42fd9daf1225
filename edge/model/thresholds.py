"""Thresholds by what they promise: the probability from which on a class is right so often.

`train` records how often held-out photos were right above each probability, and the record goes
with the model file; here a precision is looked up in it.

The probabilities recorded are those of the classifier alone. A file with the label "unknown" gives
each class its share of what is left beside that, which is less: then a threshold lets fewer
pictures pass, never more.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from edgetl.edge.errors import ModelFileError, SettingError, plural, quoted
from edgetl.edge.model.intervals import clustered_interval
from edgetl.edge.model.precision import Precision
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.system.json_record import DamagedError, from_json

if TYPE_CHECKING:
    from edgetl.edge.model.model_file import ModelFile

# Of more classes only so many are named.
_SAID_EACH = 4


@dataclass(frozen=True)
class ClassThreshold:
    """From where on a class is right often enough.

    Attributes:
        threshold: a probability, 0..1; infinite where none is high enough.
        right, answered: held-out photos from there on; where it is infinite, at the best threshold.
        excluded: 1 where the next photo below is left out for being wrong, else 0. These photos
            chose the threshold, which flatters it as much as if that one were not counted. Also 1
            where no photo is wrong: from a few that are all right nobody may expect 100 %.
        groups: how many groups of near-copies the photos answered are; None where each is one.
        squares: the sum of the squares of the groups' sizes, likewise.
    """

    threshold: float
    right: int = 0
    answered: int = 0
    excluded: int = 0
    groups: int | None = None
    squares: int | None = None

    @property
    def expected(self) -> float:
        """The share of new answers that may be expected to be right, 0..1, if any was answered."""
        return _expected([self])

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that share."""
        return _interval([self])


def _expected(some: Sequence[ClassThreshold]) -> float:
    right = sum(one.right for one in some)
    return right / sum(one.answered + _left_out(one) for one in some)


def _left_out(one: ClassThreshold) -> float:
    """How many photos are left out for being wrong: as near-copies are wrong together, a group.

    It is of the size that the group of a photo answered has on average.
    """
    return one.excluded * _squares(one) / one.answered


def _squares(one: ClassThreshold) -> int:
    return one.answered if one.squares is None else one.squares


def _interval(some: Sequence[ClassThreshold]) -> tuple[float, float]:
    photos = squares = 0.0
    groups = 0
    for one in some:
        photos += one.answered + _left_out(one)
        squares += _squares(one) + _left_out(one) ** 2
        groups += one.answered if one.groups is None else one.groups
    return clustered_interval(_expected(some), photos, squares, groups)


@dataclass(frozen=True)
class ClassPrecision:
    """How many held-out photos given one class are right, by threshold.

    The i-th of each belong together. Thresholds rise; one from which on neither the precision,
    `right` / `answered`, nor what may be expected is better than from a lower one is left out.

    Attributes:
        pictures: held-out photos given the class at any probability.
        thresholds: probabilities, 0..1.
        right: of the photos answered, those whose class it is.
        answered: photos given the class at this probability or a higher one.
        groups: how many groups of near-copies these are. Empty where each photo is one, and in the
            record of an older edgetl.
        squares: the sum of the squares of the groups' sizes, likewise.

    Raises:
        DamagedError: they do not belong together.
    """

    pictures: int
    thresholds: tuple[float, ...] = ()
    right: tuple[int, ...] = ()
    answered: tuple[int, ...] = ()
    groups: tuple[int, ...] = ()
    squares: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        counts = list(zip(self.right, self.answered, strict=False))
        same = len(self.thresholds) == len(self.right) == len(self.answered)
        if not same or not all(0 <= right <= answered > 0 for right, answered in counts):
            raise DamagedError("thresholds, right and answered do not belong together")
        if not (self.groups or self.squares):
            return
        of_groups = list(zip(self.answered, self.groups, self.squares, strict=False))
        same = len(self.answered) == len(self.groups) == len(self.squares)
        if not same or not all(0 < g <= n <= s <= n * n for n, g, s in of_groups):
            raise DamagedError("answered, groups and squares do not belong together")

    @property
    def points(self) -> list[ClassThreshold]:
        """What each threshold gives."""
        nothing = (None,) * len(self.thresholds)
        return [
            ClassThreshold(
                threshold,
                right,
                answered,
                int(answered < self.pictures or right == answered),
                groups,
                squares,
            )
            for threshold, right, answered, groups, squares in zip(
                self.thresholds,
                self.right,
                self.answered,
                self.groups or nothing,
                self.squares or nothing,
                strict=True,
            )
        ]

    def at(self, precision: float) -> ClassThreshold:
        """The lowest threshold from which on at least this share is right, 0.5 to below 1.

        That is the share of new photos to be expected; or, where too few photos were held out to
        expect so much at any threshold, the share of those.
        """
        points = self.points
        for one in points:
            if one.expected >= precision:
                return one
        for one in points:
            if one.right / one.answered >= precision:
                return one
        if not points:
            return ClassThreshold(math.inf)
        best = max(points, key=lambda one: one.right / one.answered)
        return replace(best, threshold=math.inf)


# Of a class that no photo was held out of: whatever is called so passes.
_EVERYTHING = ClassThreshold(0.0)


@dataclass(frozen=True)
class PrecisionThresholds:
    """The thresholds that a precision asks for.

    Attributes:
        precision: that is asked for, 0.5 to below 1.
        pictures: how many held-out photos they are by.
        classes: each label with its threshold.
    """

    precision: float
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
    def expected(self) -> float:
        """The share of new answers that may be expected to be right, 0..1, if any was answered."""
        return _expected([one for _, one in self.reached])

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that share."""
        return _interval([one for _, one in self.reached])

    @property
    def described(self) -> str:
        """In a line: what they are, how many photos get an answer, and how sure that is.

        Of many classes only the lowest and the highest threshold are said.
        """
        rising = sorted(self.reached, key=lambda one: one[1].threshold)
        if not rising:
            return self.summary
        if len(rising) > _SAID_EACH:
            text = f"{_said(rising[0])} to {_said(rising[-1])}"
        else:
            text = ", ".join(map(_said, self.reached))
        return f"{text}: {self.summary}"

    @property
    def summary(self) -> str:
        """How many held-out photos get an answer, and how many of these are right, in words.

        Classes with too few photos to be sure of the precision are named.
        """
        reached = [one for _, one in self.reached]
        answered = sum(one.answered for one in reached)
        share = 100 * answered / max(self.pictures, 1)
        text = f"{share:.1f} % of {self.pictures} held-out photos get an answer"
        if not answered:
            return text
        low, high = self.interval
        grouped = any(one.groups is not None for one in reached)
        how = ", near-copies counted as one photo" if grouped else ""
        return (
            f"{text}, {100 * sum(one.right for one in reached) / answered:.1f} % of these right; "
            f"of new photos expect {100 * self.expected:.1f} % (95 % interval "
            f"{100 * low:.1f} to {100 * high:.1f}{how}){self._too_few}"
        )

    @property
    def _too_few(self) -> str:
        few = [one for one in self.reached if one[1].expected < self.precision]
        if not few:
            return ""
        label, least = min(few, key=lambda one: one[1].interval)
        low, high = (100 * end for end in least.interval)
        groups = (
            "" if least.groups is None else f" in {plural(least.groups, 'group')} of near-copies"
        )
        return (
            f"; too few photos to expect {100 * self.precision:.6g} % of "
            f"{_first([k for k, _ in few])}, at worst of {quoted(label)}, {least.right} of "
            f"{least.answered} right{groups} ({low:.1f} to {high:.1f})"
        )

    @property
    def never(self) -> str:
        """Which classes are no answer, as they are never right often enough, in words, or ""."""
        if not self.missed:
            return ""
        named = [f"{quoted(label)} ({_at_best(one)})" for label, one in self.missed]
        return (
            f"no answer will be {_first(named)}: at no threshold enough of the held-out photos "
            f"called so are right"
        )


def _said(one: tuple[str, ClassThreshold]) -> str:
    label, found = one
    # Rounded down: 1 would seem to be out of reach.
    return f"{quoted(label)} {math.floor(found.threshold * 1000) / 1000:g}"


def _at_best(found: ClassThreshold) -> str:
    return f"{found.right} of {found.answered} at best" if found.answered else "none is called so"


def _first(names: Sequence[str]) -> str:
    more = len(names) - _SAID_EACH
    return ", ".join(names[:_SAID_EACH]) + (f" and {more} more" if more > 0 else "")


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
        return PrecisionThresholds(precision, self.pictures, found)


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
    return PrecisionThresholds(precision.share, record.pictures, classes)
