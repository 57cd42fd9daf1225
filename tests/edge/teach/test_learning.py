"""What is learned from features, and how it is judged."""

from dataclasses import replace

import numpy as np
import pytest

from edgetl.edge.teach.gate import Gate, check
from edgetl.edge.teach.head import Head
from edgetl.edge.teach.learning import Learned, Lesson, consecutive_folds, learn

CHANNELS = 40
CENTRES = np.random.default_rng(7).random((6, CHANNELS)) * 2 + 0.5


def photos(targets: np.ndarray, *, seed: int = 0, wide: float = 0.3) -> np.ndarray:
    random = np.random.default_rng(seed)
    found = CENTRES[targets] + random.normal(0, wide, (len(targets), CHANNELS))
    return np.maximum(found, 0).astype(np.float32)


def lesson_of(
    classes: tuple[str, ...], sampled: np.ndarray, taught: np.ndarray, *, wide: float = 0.3
) -> Lesson:
    return Lesson(
        classes,
        np.concatenate([photos(sampled, wide=wide), photos(taught, seed=1, wide=wide)]),
        np.concatenate([sampled, taught]),
        photos(taught, seed=2, wide=wide),
    )


def old_head(*, wide: float = 0.3) -> Head:
    """A head of classes 0 and 1 that has learned from photos which are not here."""
    targets = np.repeat([0, 1], 200)
    nothing = Head(("a", "b"), np.zeros((2, CHANNELS), np.float32), np.zeros(2, np.float32), None)
    many = Lesson(("a", "b"), photos(targets, seed=9, wide=wide), targets, photos(targets[:0]))
    return learn(many, nothing, unknown=False).head


SAMPLED, TAUGHT = np.repeat([0, 1], 50), np.full(30, 2)
NEW_CLASS = lesson_of(("a", "b", "c"), SAMPLED, TAUGHT)


def test_a_new_class_is_learned_and_the_others_stay() -> None:
    learned = learn(NEW_CLASS, old_head(), unknown=True)
    assert learned.head.labels == ("a", "b", "c", "unknown")
    for own in range(3):
        found = learned.head.probabilities(photos(np.full(200, own), seed=5))
        assert (found.argmax(axis=1) == own).mean() > 0.95
    others = learned.head.probabilities(photos(np.full(200, 4), seed=5))
    assert (others.argmax(axis=1) == 3).mean() > 0.9


def test_held_out_photos_say_what_new_photos_say() -> None:
    hard = lesson_of(("a", "b", "c"), SAMPLED, TAUGHT, wide=1.8)
    learned = learn(hard, old_head(wide=1.8), unknown=False)
    held_out = (learned.of_classes.argmax(axis=1) == hard.targets).mean()
    targets = np.repeat([0, 1, 2], [500, 500, 300])
    new = learned.head.probabilities(photos(targets, seed=5, wide=1.8))
    right = (new.argmax(axis=1) == targets).mean()
    assert right < 0.99, "the photos must be hard for this test to tell anything"
    assert held_out == pytest.approx(right, abs=0.06)


def test_a_correction_is_learned_without_forgetting() -> None:
    old = old_head()
    moved = 0.3 * CENTRES[0] + 0.7 * CENTRES[1] + 0.5 * (CENTRES[3] - CENTRES[4])
    random = np.random.default_rng(3)
    taught = (moved + random.normal(0, 0.3, (12, CHANNELS))).clip(0).astype(np.float32)
    assert old.probabilities(taught).argmax(axis=1).mean() > 0.9, "they are called b"
    lesson = Lesson(
        ("a", "b"),
        np.concatenate([photos(SAMPLED), taught]),
        np.append(SAMPLED, np.zeros(12, np.int64)),
        taught + random.normal(0, 0.05, taught.shape).astype(np.float32),
    )
    head = learn(lesson, old, unknown=False).head
    new = (moved + random.normal(0, 0.3, (100, CHANNELS))).clip(0).astype(np.float32)
    assert (head.probabilities(new).argmax(axis=1) == 0).mean() > 0.7
    for own in (0, 1):
        found = head.probabilities(photos(np.full(200, own), seed=5))
        assert (found.argmax(axis=1) == own).mean() > 0.95


def test_examples_of_unknown_become_a_class_and_not_a_place_to_be_near() -> None:
    lesson = lesson_of(("a", "b", "unknown"), SAMPLED, TAUGHT)
    learned = learn(lesson, old_head(), unknown=True)
    assert learned.head.labels == ("a", "b", "unknown")
    assert learned.head.unknown is not None
    assert len(learned.head.unknown.constants) == 2
    for own in (2, 4):
        found = learned.head.probabilities(photos(np.full(200, own), seed=5))
        assert (found.argmax(axis=1) == 2).mean() > 0.9


def test_folds_are_of_photos_that_follow_one_another() -> None:
    targets = np.array([0] * 10 + [1] * 5 + [0] * 10)
    folds = consecutive_folds(targets)
    ten, five = ["0000111122", "2233334444"], "01234"
    assert "".join(map(str, folds)) == ten[0] + five + ten[1]


def judged(lesson: Lesson, learned: Learned, *, apart: float = 0.0, max_drop: float = 2) -> Gate:
    answers = learned.head.probabilities(lesson.features[lesson.sampled :]) + np.float32(apart)
    return check(lesson, old_head(), learned, answers, max_drop)


def test_what_is_learned_well_is_not_rejected() -> None:
    learned = learn(NEW_CLASS, old_head(), unknown=True)
    gate = judged(NEW_CLASS, learned)
    assert gate.verdict in ("accepted", "too few to tell")
    a, b, c = gate.classes
    assert [(one.label, one.sampled, one.taught) for one in (a, b, c)] == [
        ("a", 50, 0), ("b", 50, 0), ("c", 0, 30),
    ]  # fmt: skip
    assert (a.before, c.before) == (1.0, None)
    assert min(one.after for one in gate.classes) > 0.9
    assert gate.difference is not None
    assert gate.difference.pictures == 100


def test_with_many_photos_it_is_accepted() -> None:
    many = lesson_of(("a", "b"), SAMPLED, np.repeat([0, 1], 60))
    assert judged(many, learn(many, old_head(), unknown=False)).verdict == "accepted"


def test_a_file_that_gives_something_else_is_rejected() -> None:
    gate = judged(NEW_CLASS, learn(NEW_CLASS, old_head(), unknown=True), apart=0.01)
    assert (gate.verdict, gate.largest_difference) == ("rejected", pytest.approx(0.01, abs=1e-4))
    assert gate.why is not None
    assert "other probabilities than were learned" in gate.why
    not_finite = judged(NEW_CLASS, learn(NEW_CLASS, old_head(), unknown=True), apart=np.nan)
    assert not_finite.verdict == "rejected"


def test_a_class_from_before_that_is_lost_rejects() -> None:
    learned = learn(NEW_CLASS, old_head(), unknown=True)
    lost = learned.of_classes.copy()
    lost[:20] = [0, 0, 1]
    gate = judged(NEW_CLASS, replace(learned, of_classes=lost))
    assert gate.verdict == "rejected"
    assert gate.why is not None
    assert "the recall of a falls from 100 to 60 % of 50 pictures" in gate.why
    assert "--max-drop" in gate.why
    assert judged(NEW_CLASS, replace(learned, of_classes=lost), max_drop=60).verdict == "accepted"


def test_a_new_class_that_is_not_found_rejects() -> None:
    learned = learn(NEW_CLASS, old_head(), unknown=True)
    missed = learned.of_classes.copy()
    missed[-25:] = [1, 0, 0]
    gate = judged(NEW_CLASS, replace(learned, of_classes=missed))
    assert gate.verdict == "rejected"
    assert gate.why is not None
    assert "only 17 % of 30 photos of c are found" in gate.why


def test_without_a_sample_only_taught_photos_are_compared() -> None:
    targets = np.repeat([0, 1, 2], 20)
    lesson = lesson_of(("a", "b", "c"), targets[:0], targets)
    learned = learn(lesson, old_head(), unknown=True)
    gate = judged(lesson, learned)
    assert gate.difference is not None
    assert gate.difference.pictures == 40
    assert gate.verdict != "rejected"
