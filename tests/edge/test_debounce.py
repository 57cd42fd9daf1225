"""Averaging, thresholds and changes, compared with sequences worked out by hand."""

import math
from functools import partial

import numpy as np
import pytest

from edgetl.edge.model.special_labels import UNSURE
from edgetl.edge.results.debounce import ChangeDetector, smoothed, with_thresholds
from edgetl.edge.results.result import Result
from edgetl.edge.sources.files import Problem
from edgetl.edge.sources.per_source import PerSource
from tests.edge import conftest
from tests.edge.conftest import made_predictions

made_result = partial(conftest.made_result, frame=1)
GONE = Problem("camera 0: gone")


def probabilities(items: list[Result | Problem], index: int = 0) -> list[float]:
    return [float(item.probabilities[index]) for item in items if isinstance(item, Result)]


def test_the_average_moves_by_one_minus_exp_of_the_time_passed() -> None:
    items = [
        made_result([1, 0, 0], seconds=0),
        made_result([0, 1, 0], seconds=1),
        made_result([0, 1, 0], seconds=3),
    ]
    found = list(smoothed(items, seconds=2.0, predict=made_predictions))
    # 1, then 1 * exp(-1/2), then that * exp(-2/2).
    expected = [1.0, math.exp(-0.5), math.exp(-1.5)]
    assert probabilities(found) == pytest.approx(expected, abs=1e-6)
    assert [item.label for item in found] == ["blue", "blue", "green"]
    assert found[2].predictions[0].probability == pytest.approx(1 - math.exp(-1.5), abs=1e-6)
    assert all(item.probabilities.dtype == np.float32 for item in found)
    assert all(float(item.probabilities.sum()) == pytest.approx(1) for item in found)


def test_the_average_depends_on_time_and_not_on_the_frame_rate() -> None:
    def after_one_second(fps: int) -> float:
        items = [made_result([1, 0, 0])]
        items += [made_result([0, 1, 0], seconds=n / fps) for n in range(1, fps + 1)]
        return probabilities(list(smoothed(items, seconds=0.7, predict=made_predictions)))[-1]

    assert after_one_second(5) == pytest.approx(math.exp(-1 / 0.7), abs=1e-6)
    assert after_one_second(100) == pytest.approx(after_one_second(5), abs=1e-6)


def test_averaging_starts_from_nothing_with_each_source_and_passes_problems_on() -> None:
    items = [made_result([1, 0, 0], source="a.mp4"), GONE, made_result([0, 1, 0], source="b.mp4")]
    found = list(smoothed(items, seconds=60, predict=made_predictions))
    assert found[1] is GONE
    assert probabilities(found) == [1, 0]


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    items = [made_result([1, 0, 0], seconds=100), made_result([0, 1, 0], seconds=0)]
    items.append(made_result([0, 1, 0], seconds=1))
    found = probabilities(list(smoothed(items, seconds=1, predict=made_predictions)))
    assert found == pytest.approx([1, 1, math.exp(-1)], abs=1e-6)


def test_below_the_threshold_the_label_is_unsure_and_the_predictions_stay() -> None:
    items = [made_result([0.8, 0.2, 0]), GONE, made_result([0.79, 0.21, 0])]
    confident, problem, uncertain = with_thresholds(items, thresholds=np.full(3, 0.8, np.float32))
    assert problem is GONE
    assert (confident.label, uncertain.label) == ("blue", UNSURE)
    assert uncertain.predictions[0].label == "blue"


def test_each_class_has_its_own_threshold_and_one_out_of_reach_is_never_the_answer() -> None:
    rows = [[0.6, 0.4, 0], [0.4, 0.6, 0], [0, 0, 1.0]]
    thresholds = [0.5, 0.7, math.inf]
    items = list(with_thresholds(map(made_result, rows), thresholds=thresholds))
    assert [item.label for item in items if isinstance(item, Result)] == ["blue", UNSURE, UNSURE]


def test_unsure_takes_over_by_the_threshold_of_the_stable_class() -> None:
    rows = [[0.95, 0.05, 0], [0.75, 0.25, 0], [0.05, 0.95, 0], [0.2, 0.75, 0.05]]
    thresholds = [0.8, 0.9, 0.0]
    items = [made_result(row, seconds=n) for n, row in enumerate(rows)]
    detector = ChangeDetector(thresholds=thresholds)
    found = [
        item.label if detector.is_change(item) else "-"
        for item in with_thresholds(items, thresholds=thresholds)
        if isinstance(item, Result)
    ]
    # 0.75 is within the margin of blue's threshold, and not of green's.
    assert found == ["blue", "-", "green", UNSURE]


def labels_of_changes(*rows: list[float], threshold: float = 0.0, margin: float = 0.1) -> list[str]:
    """The label of each result that is a change, "-" for one that is not."""
    items = [made_result(row, seconds=n, frame=n) for n, row in enumerate(rows)]
    items = list(with_thresholds(items, thresholds=[threshold] * 3))
    detector = ChangeDetector(thresholds=[threshold] * 3, margin=margin)
    return [item.label if detector.is_change(item) else "-" for item in items]


def test_a_label_changes_when_another_leads_by_the_margin() -> None:
    found = labels_of_changes(
        [0.6, 0.4, 0],  # the first one
        [0.48, 0.52, 0],  # green leads by 0.04
        [0.52, 0.48, 0],
        [0.4, 0.6, 0],  # by 0.2
        [0.52, 0.48, 0],  # blue leads by 0.04
        [0.44, 0.45, 0.11],
        [0.25, 0.3, 0.45],  # red leads by 0.15
    )
    assert found == ["blue", "-", "-", "green", "-", "-", "red"]


def test_unsure_takes_over_only_below_the_threshold_by_the_margin() -> None:
    found = labels_of_changes(
        [0.85, 0.15, 0],
        [0.75, 0.25, 0],  # unsure, but within the margin
        [0.85, 0.15, 0],
        [0.65, 0.35, 0],  # below 0.7
        [0.75, 0.25, 0],  # still below 0.8
        [0.1, 0.9, 0],
        threshold=0.8,
    )
    assert found == ["blue", "-", "-", UNSURE, "-", "green"]


def test_the_first_result_may_be_unsure() -> None:
    found = labels_of_changes([0.5, 0.3, 0.2], [0.4, 0.3, 0.3], [0.9, 0.1, 0], threshold=0.8)
    assert found == [UNSURE, "-", "blue"]


def test_every_source_has_its_first_label() -> None:
    detector = ChangeDetector(thresholds=[0.0] * 3)
    items = [made_result([1, 0, 0], source=name) for name in "aab"]
    assert [detector.is_change(item) for item in items] == [True, False, True]


def test_results_of_several_sources_that_alternate_keep_their_own_past() -> None:
    rows = {"door": [1, 0, 0], "yard": [0, 1, 0]}
    items = [made_result(rows[name], source=name, seconds=n) for n, name in enumerate(2 * [*rows])]
    found = list(smoothed(items, seconds=60, predict=made_predictions))
    assert probabilities(found) == [1, 0, 1, 0]
    detector = ChangeDetector(thresholds=[0.0] * 3)
    assert [detector.is_change(item) for item in items] == [True, True, False, False]


def test_photos_have_no_past() -> None:
    photos = [conftest.made_result(row, source="a.jpg") for row in ([1, 0, 0], [0, 1, 0])]
    assert probabilities(list(smoothed(photos, seconds=60, predict=made_predictions))) == [1, 0]
    detector = ChangeDetector(thresholds=[0.0] * 3)
    assert detector.is_change(photos[0])
    assert detector.is_change(photos[0])


def test_no_more_sources_than_64_have_a_past() -> None:
    states = PerSource(list)
    for number in range(70):
        states.of(made_result([1, 0, 0], source=f"camera {number}")).append(number)
    assert states.states() == [[number] for number in range(6, 70)]
    # The one asked for longest ago goes first.
    assert states.of(made_result([1, 0, 0], source="camera 6")) == [6]
    assert states.of(made_result([1, 0, 0], source="camera 70")) == []
    assert [7] not in states.states()
    assert [6] in states.states()
