import numpy as np
import pytest

from edgetl.edge.model.intervals import tango_interval, wilson_interval
from edgetl.edge.model.verdict import (
    PairedDifference,
    RecallChange,
    Z,
    judge,
    more_pictures,
    paired_difference,
)

NORMAL = 1.959964


def compared(pictures: int, lost: int, gained: int = 0) -> PairedDifference:
    ends = tango_interval(lost, gained, pictures, z=Z)
    return PairedDifference(pictures, lost, gained, ends, 0.0, 1.0, 2, ())


def test_published_intervals_of_tango() -> None:
    # Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables (2017), chapter 8:
    # complete response before and after consolidation therapy, 6 and 16 of 161.
    assert tango_interval(16, 6, 161, z=NORMAL) == pytest.approx((-0.1240, -0.0054), abs=5e-5)
    mirrored = tango_interval(6, 16, 161, z=NORMAL)
    assert mirrored == pytest.approx((0.0054, 0.1240), abs=5e-5)


@pytest.mark.parametrize(("lost", "pictures"), [(0, 149), (1, 10), (7, 300), (5, 5)])
def test_the_interval_is_wilsons_where_nothing_is_gained(lost: int, pictures: int) -> None:
    low, high = tango_interval(lost, 0, pictures, z=NORMAL)
    assert -low == pytest.approx(wilson_interval(lost, pictures)[1], abs=1e-6)
    assert low <= -lost / pictures <= high


def test_a_hand_worked_comparison() -> None:
    device = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.6, 0.4]], np.float32)
    keras_ = np.array([[0.8, 0.2], [0.6, 0.4], [0.2, 0.8], [0.6, 0.4]], np.float32)
    found = paired_difference(device, keras_, np.array([0, 0, 1, 1]), ["a", "b", "never there"])
    assert (found.pictures, found.lost, found.gained, found.classes) == (4, 1, 0, 2)
    assert (found.difference, found.agreement) == (-0.25, 0.75)
    assert found.interval == tango_interval(1, 0, 4, z=Z)
    assert found.largest_difference == pytest.approx(0.2)
    assert found.recalls == (RecallChange("a", 2, 1.0, 0.5),)


def test_the_same_probabilities_lose_nothing() -> None:
    same = np.array([[0.9, 0.1], [0.4, 0.6]], np.float32)
    found = paired_difference(same, same, np.array([0, 0]), ["a", "b"])
    assert (found.agreement, found.largest_difference, found.recalls) == (1.0, 0.0, ())


@pytest.mark.parametrize(
    ("pictures", "lost", "gained", "verdict"),
    [
        (148, 0, 0, "too few to tell"),
        (149, 0, 0, "accepted"),
        (20, 1, 0, "too few to tell"),
        (20, 4, 0, "rejected"),
        (300, 1, 0, "accepted"),
        (300, 2, 0, "too few to tell"),
        (300, 4, 0, "too few to tell"),
        (300, 6, 0, "rejected"),
        (1000, 30, 20, "too few to tell"),
        (1000, 30, 28, "accepted"),
        # Surely lost, but less than what may be.
        (1000, 10, 0, "accepted"),
    ],
)
def test_verdicts_on_a_drop_of_two_points(
    pictures: int, lost: int, gained: int, verdict: str
) -> None:
    assert judge(compared(pictures, lost, gained), 2.0, 1000)[0] == verdict


def test_the_reason_says_how_many_more_photos_would_tell() -> None:
    few = compared(100, 0)
    assert more_pictures(few, 2.0, 1000) == 49
    assert judge(few, 2.0, 1000)[1] == (
        "100 pictures are too few to tell whether it loses 2 percentage points of accuracy "
        "(-2.9 to +2.9); about 49 more would tell"
    )
    # That go on to lose as often, one of 100.
    assert more_pictures(compared(200, 2), 2.0, 1000) == 396
    # The check takes no more than 1000.
    assert more_pictures(compared(1000, 17), 2.0, 1000) is None
    assert "too near" in str(judge(compared(1000, 17), 2.0, 1000)[1])


@pytest.mark.parametrize(
    ("classes", "rare", "rejected"), [(2, 2, True), (10, 2, True), (10, 5, True), (10, 1, False)]
)
def test_a_rare_class_that_is_lost_wholly_rejects(classes: int, rare: int, rejected: bool) -> None:
    targets = np.repeat(np.arange(classes), [rare] + [200] * (classes - 1))
    keras_ = np.eye(classes, dtype=np.float32)[targets]
    device = keras_.copy()
    device[:rare] = np.eye(classes, dtype=np.float32)[1]
    found = paired_difference(device, keras_, targets, [f"class {i}" for i in range(classes)])
    verdict, why = judge(found, 2.0, 1000)
    assert (verdict == "rejected") is rejected
    if rejected:
        assert why == f"the recall of class 0 falls from 100 to 0 % of {rare} pictures"


def test_a_class_may_lose_what_the_accuracy_may() -> None:
    change = RecallChange("a", 50, 1.0, 0.8)
    found = PairedDifference(500, 10, 10, tango_interval(10, 10, 500, z=Z), 0.9, 1.0, 10, (change,))
    assert judge(found, 2.0, 1000)[0] == "rejected"
    assert judge(found, 20.0, 1000)[0] == "accepted"
    assert judge(found, 100.0, 1000)[0] == "accepted"
