"""Whether a taught file is fit to be used: on this device, before it gets its name."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import quoted
from edgetl.edge.model.intervals import wilson_interval
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.model.verdict import PairedDifference, Verdict, judge, paired_difference
from edgetl.edge.teach.head import Head
from edgetl.edge.teach.learning import Learned, Lesson, learn

# Between the file's probabilities and NumPy's: both have float32, and the same features.
SAME = 1e-3
# A new class of which less is found is not learned.
LEAST_FOUND = 0.5


@dataclass(frozen=True)
class ClassChange:
    """A class, and the share of its photos that heads which did not learn from them call so.

    Attributes:
        label: the class.
        sampled, taught: how many photos there are of it in the sample, and among those taught.
        before: the share before, 0..1; None of a new class.
        after: the share now.
        unknown: the share that is called unknown now; None where nothing can be.
    """

    label: str
    sampled: int
    taught: int
    before: float | None
    after: float
    unknown: float | None


@dataclass(frozen=True)
class Gate:
    """What was found.

    Attributes:
        classes: each of them.
        difference: on photos of the classes from before; None if there is no such photo.
        largest_difference: between the written file's probabilities and NumPy's.
        verdict: as that of `export`.
        why: it is not accepted.
    """

    classes: tuple[ClassChange, ...]
    difference: PairedDifference | None
    largest_difference: float
    verdict: Verdict
    why: str | None


def check(
    lesson: Lesson,
    old: Head,
    learned: Learned,
    answers: npt.NDArray[np.float32],
    max_drop: float,
) -> Gate:
    """Judge what was learned.

    The classes from before are compared photo by photo. Of taught photos with what the file called
    them before, which had not seen them. The network was trained on the sample's, so that these are
    compared with heads of other photos of the sample, made in the same way but without the lesson.

    Args:
        lesson: that was learned.
        old: the head before, without "unknown" but as a class.
        learned: the new one.
        answers: of the written file for the taught photos, float32 [taught photos, labels].
        max_drop: percentage points of accuracy whose loss rejects.
    """
    before = _before(lesson, old)
    after = learned.of_classes
    indices = [lesson.classes.index(label) for label in old.classes]
    rows = np.flatnonzero(np.isin(lesson.targets, indices))
    difference = None
    if len(rows):
        targets = lesson.targets[rows]
        difference = paired_difference(after[rows], before[rows], targets, lesson.classes)
    right = (before.argmax(axis=1) == lesson.targets, after.argmax(axis=1) == lesson.targets)
    called = learned.held_out.argmax(axis=1) == len(learned.head.labels) - 1
    can_be = learned.head.unknown is not None
    classes = []
    for index, label in enumerate(lesson.classes):
        own = lesson.targets == index
        if own.any():
            classes.append(
                ClassChange(
                    label,
                    int(own[: lesson.sampled].sum()),
                    int(own[lesson.sampled :].sum()),
                    float(right[0][own].mean()) if label in old.classes else None,
                    float(right[1][own].mean()),
                    float(called[own].mean()) if can_be and label != UNKNOWN else None,
                )
            )
    taught = lesson.features[lesson.sampled :]
    apart = float(np.abs(answers - learned.head.probabilities(taught)).max())
    verdict, why = _verdict(classes, difference, apart, max_drop)
    return Gate(tuple(classes), difference, apart, verdict, why)


def _before(lesson: Lesson, old: Head) -> npt.NDArray[np.float32]:
    """The probabilities of classes before the lesson: float32 [photos, classes]."""
    found = np.zeros((len(lesson.targets), len(lesson.classes)), np.float32)
    indices = [lesson.classes.index(label) for label in old.classes]
    found[:, indices] = old.probabilities(lesson.features)
    if lesson.sampled:
        alone = Lesson(
            old.classes,
            lesson.features[: lesson.sampled],
            np.array([indices.index(index) for index in lesson.targets[: lesson.sampled]]),
            lesson.mirrored[:0],
        )
        found[: lesson.sampled, indices] = learn(alone, old, unknown=False).of_classes
    return found


def _verdict(
    classes: Sequence[ClassChange],
    difference: PairedDifference | None,
    apart: float,
    max_drop: float,
) -> tuple[Verdict, str | None]:
    if not apart <= SAME:
        return "rejected", (
            f"the file gives other probabilities than were learned, by up to {apart:.3f}; please "
            f"report this"
        )
    for one in classes:
        if one.before is None and _is_not_found(one):
            return "rejected", (
                f"only {100 * one.after:.0f} % of {one.taught} photos of {quoted(one.label)} are "
                f"found by heads of the others; take more photos of it, and such as differ"
            )
    if difference is None:
        return "accepted", None
    verdict, why = judge(difference, max_drop, difference.pictures)
    if verdict == "rejected":
        remedy = "teach more photos of the classes that are confused, or allow more with --max-drop"
        return verdict, f"{why}; {remedy}"
    return verdict, why


def _is_not_found(change: ClassChange) -> bool:
    right = round(change.after * change.taught)
    return wilson_interval(right, change.taught)[1] < LEAST_FOUND
