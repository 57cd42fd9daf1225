import json
from dataclasses import asdict

import numpy as np
import pytest

from edgetl.edge.model.intervals import NORMAL, tango_interval
from edgetl.edge.system.json_record import from_json
from edgetl.trainer.comparison import RunComparison, before_and_now, compare, comparison_lines


def compared(
    before: list[str], now: list[str], true: list[str], *, new: int = 0, labels: str = "ab"
) -> RunComparison:
    count = len(true)
    found = compare(
        "runs/a",
        before,
        now,
        true,
        [str(number) for number in range(count)],
        [number >= count - new for number in range(count)],
        labels=tuple(labels),
        known_before=("a", "b"),
        left_out=2,
    )
    assert found is not None
    return found


def test_both_models_are_counted_on_the_same_photos_of_old_and_new() -> None:
    found = compared(["a", "a", "b", "b"], ["a", "b", "b", "a"], ["a", "b", "b", "b"], new=1)
    everything = found.all
    assert (everything.pictures, everything.before, everything.now) == (4, 3, 3)
    assert (everything.lost, everything.gained) == (1, 1)
    assert everything.interval == pytest.approx(tango_interval(1, 1, 4, z=NORMAL))
    assert found.old is not None
    assert (found.old.pictures, found.old.now, found.old.before) == (3, 3, 2)
    assert found.new is not None
    assert (found.new.pictures, found.new.now, found.new.before) == (1, 0, 1)
    assert {label: one.pictures for label, one in found.classes.items()} == {"a": 1, "b": 3}
    assert from_json(RunComparison, json.loads(json.dumps(asdict(found)))) == found


def test_a_class_that_is_new_counts_as_wrong_and_is_left_out_of_the_verdict() -> None:
    true = ["c"] * 30 + ["a"] * 30
    found = compared(["a"] * 60, true[:30] + ["b"] * 30, true, labels="abc")
    assert found.unknown_before == ["c"]
    assert (found.all.before, found.all.now) == (30, 30)
    assert found.both_know is not None
    assert (found.both_know.before, found.both_know.now) == (30, 0)
    assert found.worse


def test_worse_is_what_chance_does_not_explain() -> None:
    true = ["a"] * 100
    assert not compared(true, ["b"] * 3 + true[3:], true).worse
    assert compared(true, ["b"] * 12 + true[12:], true).worse
    assert not compared(["b"] * 12 + true[12:], true, true).worse
    only_new_classes = compared(["a"] * 9, ["a"] * 9, ["c"] * 9, labels="abc")
    assert only_new_classes.both_know is None
    assert not only_new_classes.worse


def test_near_copies_count_as_one_photo() -> None:
    right, wrong = np.ones(40, np.bool_), np.arange(40) >= 8
    single = before_and_now(right, wrong, [str(number) for number in range(40)])
    bursts = before_and_now(right, wrong, [str(number // 8) for number in range(40)])
    assert single is not None
    assert bursts is not None
    assert single.difference == bursts.difference == -0.2
    assert single.interval[1] < 0 < bursts.interval[1]
    assert before_and_now(right[:0], right[:0], []) is None


def test_the_table_fits_a_terminal_and_names_classes_that_changed_most() -> None:
    true = ["a"] * 50 + ["b"] * 50
    lines = comparison_lines(compared(true, ["b"] * 50 + true[50:], true, new=7))
    assert all(len(line) <= 80 for line in lines)
    assert lines[1].split()[:3] == ["all", "100", "100.0"]
    assert [line[:24].strip() for line in lines[1:]] == [
        "all", "photos it had", "new photos", "a", "b",
    ]  # fmt: skip
    assert "-100.0 (-100.0 to -85.7)" in lines[4]
    many = [f"{number:02}{'x' * 40}" for number in range(40)]
    found = compare(
        "a", many, many, many, many, [True] * 40, labels=many, known_before=many, left_out=0
    )
    assert found is not None
    assert len(comparison_lines(found)) == 3 + 12
    assert all(len(line) <= 80 for line in comparison_lines(found))
