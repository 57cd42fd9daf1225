import math
from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest

from edgetl.benchmarks.compare import (
    Changes,
    compare,
    latency_change,
    newcombe_interval,
    ratio_interval,
)
from edgetl.benchmarks.measured import Failure
from tests.benchmarks.made import (
    TARGETS,
    case,
    latency,
    machine,
    measured,
    quality,
    whole_run,
    wrong_at,
)

FIVE = (1.0, 2.0, 3.0, 4.0, 5.0)


def test_five_rounds_each_are_the_fewest_with_an_interval() -> None:
    # Of the 252 orders of five and five, one has every ratio below 1 and one every ratio above it:
    # 2/252 is 0.8 %. With four and five it is 2/126, more than 1 %.
    times_ten = [10 * value for value in FIVE]
    assert ratio_interval(FIVE, times_ten) == (2.0, 50.0)
    assert ratio_interval(FIVE[:4], times_ten) is None
    assert ratio_interval(FIVE, times_ten[:4]) is None


def test_the_interval_is_that_of_a_count_of_all_orders() -> None:
    """Five and six: how many orders have so few pairs in that order, counted one by one."""
    first, second = FIVE, (1.5, 2.5, 3.5, 4.5, 5.5, 6.5)
    both = sorted((*first, *second))
    counts = dict.fromkeys(range(31), 0)
    for taken in {tuple(sorted(p[:5])) for p in permutations(range(11), 5)}:
        others = [index for index in range(11) if index not in taken]
        counts[sum(both[b] < both[a] for a in taken for b in others)] += 1
    total = math.comb(11, 5)
    tails = np.cumsum([counts[u] for u in range(31)]) / total
    outside = int((tails <= 0.005).sum()) - 1
    ratios = sorted(b / a for a in first for b in second)
    assert ratio_interval(first, second) == (ratios[outside], ratios[-1 - outside])


@pytest.mark.parametrize("seed", range(40))
def test_the_interval_leaves_out_1_just_where_scipys_test_says_so(seed: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(seed)
    first = random.gamma(40, 0.1, random.integers(5, 24))
    second = random.gamma(40, 0.1, random.integers(5, 24)) * random.uniform(0.8, 1.25)
    p = stats.mannwhitneyu(first, second, method="exact").pvalue
    interval = ratio_interval(first, second)
    assert interval is not None
    assert (not interval[0] <= 1 <= interval[1]) == (p <= 0.01)


def test_many_rounds_have_the_interval_of_the_normal_approximation() -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    first, second = random.gamma(40, 0.1, 120), random.gamma(40, 0.1, 130)
    interval = ratio_interval(first, second)
    assert interval is not None
    # At each end of the interval the test is just about to tell one from the other.
    for end in interval:
        p = stats.mannwhitneyu(first * end, second, method="asymptotic").pvalue
        assert p == pytest.approx(0.01, abs=5e-4)


# Newcombe's own table II, method 10.
@pytest.mark.parametrize(
    ("after", "before", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_newcombe_intervals_are_the_published_ones(
    after: tuple[int, int], before: tuple[int, int], low: float, high: float
) -> None:
    assert newcombe_interval(*before, *after) == pytest.approx((low, high), abs=6e-5)


def test_newcombe_from_scipys_wilson_intervals() -> None:
    stats = pytest.importorskip("scipy.stats")
    (a, b), (c, d) = (940, 1000), (460, 500)
    first = stats.binomtest(a, b).proportion_ci(method="wilson")
    second = stats.binomtest(c, d).proportion_ci(method="wilson")
    expected = (
        c / d - a / b - math.hypot(c / d - second.low, first.high - a / b),
        c / d - a / b + math.hypot(second.high - c / d, a / b - first.low),
    )
    assert newcombe_interval(a, b, c, d) == pytest.approx(expected, abs=1e-12)


def test_an_interval_holds_its_ratio() -> None:
    # The medians are alike; of the pairs of rounds most are not.
    first = [1.0] * 20 + [100.0] * 19
    second = [0.01] * 19 + [1.0] * 20
    change = latency_change(latency(1.0, rounds=first), latency(1.0, rounds=second))
    assert change.ratio == 1.0
    assert change.high == 1.0
    assert ratio_interval(first, second) == (0.01, 0.01)


NINE = (2.97, 2.98, 2.99, 2.995, 3.0, 3.005, 3.01, 3.02, 3.03)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (NINE, [0.8 * value for value in NINE], "faster"),
        (NINE, [1.2 * value for value in NINE], "slower"),
        (NINE, NINE, "within noise"),
        # Certain, and so small that another start of the same program might do it.
        (NINE, [1.04 * value for value in NINE], "within noise"),
        # Large, and no more certain than chance.
        ((3.0,) * 8 + (3.3,), [3.0, 3.0, 3.0, 3.0, 3.3, 3.3, 3.3, 3.3, 3.3], "within noise"),
        (NINE, [2.0, 2.0, 2.0, 1.5, 1.5, 1.5, 1.0, 1.0, 1.0], "noisy"),
        ([2.0, 2.0, 2.0, 1.5, 1.5, 1.5, 1.0, 1.0, 1.0], NINE, "noisy"),
        (NINE, (1.0, 1.0), "too few rounds"),
        (NINE, (None, None), "too few rounds"),
        # Rounds that do not count do not.
        (NINE, (None, 1.0, 1.0), "too few rounds"),
        (NINE, (None, 1.0, 1.0, 1.0), "faster"),
    ],
)
def test_a_latency_has_changed_only_beyond_noise(
    before: Sequence[float | None], after: Sequence[float | None], verdict: str
) -> None:
    change = latency_change(latency(3.0, rounds=before), latency(3.0, rounds=after))
    assert change.verdict == verdict


def test_one_disturbed_round_changes_nothing() -> None:
    change = latency_change(latency(3.0, rounds=NINE), latency(3.0, rounds=(*NINE[:-1], 90.0)))
    assert change.verdict == "within noise"
    assert change.ratio == pytest.approx(1.0, abs=0.01)


def _accuracies(before: tuple[int, ...], after: tuple[int, ...], **changed: object) -> Changes:
    a = measured(case(quality=quality(before, TARGETS)))
    b = measured(case(quality=quality(after, TARGETS)), **changed)
    return compare(a, b)


def test_the_same_pictures_are_compared_one_by_one() -> None:
    # Eight lost and one gained: 2 * (1 + 9) / 2^9.
    changes = _accuracies(wrong_at(99), wrong_at(*range(8)))
    assert changes.same_pictures
    change = changes.cases[0].accuracy
    assert change is not None
    assert (change.method, change.gained, change.lost) == ("McNemar", 1, 8)
    assert change.p == pytest.approx(20 / 512)
    assert change.beyond_noise
    assert (change.before, change.after) == (0.99, 0.92)


def test_mcnemar_agrees_with_scipys_binomial_test() -> None:
    stats = pytest.importorskip("scipy.stats")
    change = _accuracies(wrong_at(*range(60, 74)), wrong_at(*range(5))).cases[0].accuracy
    assert change is not None
    assert change.p == pytest.approx(stats.binomtest(5, 19, 0.5).pvalue, rel=1e-12)
    assert not change.beyond_noise


@pytest.mark.parametrize(
    "changed",
    [{"fingerprint": "cd" * 32}, {"targets": TARGETS[::-1]}, {"labels": ("dogs", "cats")}],
)
def test_other_pictures_are_compared_as_two_shares(changed: dict[str, object]) -> None:
    changes = _accuracies(wrong_at(99), wrong_at(*range(8)), **changed)
    assert not changes.same_pictures
    change = changes.cases[0].accuracy
    assert change is not None
    assert (change.method, change.gained, change.lost, change.p) == ("Newcombe", None, None, None)
    right = round(100 * change.after)
    assert (change.low, change.high) == newcombe_interval(99, 100, right, 100)
    assert changes.differences


def test_a_row_without_quality_has_no_accuracy() -> None:
    assert compare(measured(case()), whole_run()).cases[0].accuracy is None


def test_rows_are_matched_by_name_engine_threads_and_machine() -> None:
    a = measured(
        case("int8"),
        case("int8", engine="tflite-runtime 2.14.0"),
        case("int8", elsewhere="a Pi 4"),
        case("float32"),
        case("gone"),
    )
    b = measured(
        case("int8", engine="litert 2.4.0"),
        case("int8", threads=4),
        case("int8", elsewhere="a Pi 4"),
        case("float32"),
        failures=(Failure("gone", "litert 2.3.0", 2, "cannot run it"),),
    )
    changes = compare(a, b)
    assert [(r.name, r.engine_after, r.elsewhere) for r in changes.cases] == [
        ("int8", "litert 2.4.0", None),
        ("int8", "litert 2.3.0", "a Pi 4"),
        ("float32", "litert 2.3.0", None),
    ]
    assert [(r.name, r.engine, r.problem) for r in changes.only_before] == [
        ("int8", "tflite-runtime 2.14.0", ""),
        ("gone", "litert 2.3.0", "cannot run it"),
    ]
    assert [(r.name, r.threads) for r in changes.only_after] == [("int8", 4)]


def test_the_same_file_is_matched_whatever_it_is_called() -> None:
    a = measured(case("int8", sha256="1"), case("runs/b/int8", sha256="2"), case("x", sha256="3"))
    b = measured(case("b/int8", sha256="2"), case("x", sha256="4"), case("y", sha256="1"))
    changes = compare(a, b)
    assert [(r.name, r.same_file) for r in changes.cases] == [
        ("int8", True),
        ("runs/b/int8", True),
        ("x", False),
    ]
    assert not changes.only_before
    assert not changes.only_after


def test_the_same_file_twice_is_matched_by_name_too() -> None:
    twice = measured(case("a", 2.0, sha256="1"), case("b", 3.0, sha256="1"))
    changes = compare(twice, measured(*reversed(twice.cases)))
    assert [(r.name, r.invoke.before, r.invoke.after) for r in changes.cases] == [
        ("a", 2.0, 2.0),
        ("b", 3.0, 3.0),
    ]


def test_rows_of_one_name_are_matched_in_their_order() -> None:
    a = measured(case(bytes=1), case(bytes=2))
    b = measured(case(bytes=3), case(bytes=4), case(bytes=5))
    changes = compare(a, b)
    assert [(r.bytes_before, r.bytes_after) for r in changes.cases] == [(1, 3), (2, 4)]
    assert len(changes.only_after) == 1


def test_what_else_differs_is_listed() -> None:
    other = machine(
        name="a Pi 5", versions={"edgetl": "0.2.0", "litert": "2.4.0", "numpy": "1.26.4", "x": "1"}
    )
    changes = compare(measured(case()), measured(case(), edgetl="0.2.0", machine=other))
    assert [(d.what, d.before, d.after) for d in changes.differences] == [
        ("edgetl", "0.1.0", "0.2.0"),
        ("machine", "bench", "a Pi 5"),
        ("litert", "2.3.0", "2.4.0"),
        ("x", "", "1"),
    ]


def test_a_benchmark_differs_in_nothing_from_itself() -> None:
    changes = compare(whole_run(), whole_run())
    assert not changes.differences
    assert not changes.only_before
    assert not changes.only_after
    assert len(changes.cases) == len(whole_run().cases)
    for change in changes.cases:
        assert change.same_file
        assert not change.memory_changed
        assert {change.invoke.verdict, change.end_to_end.verdict} <= {"within noise", "noisy"}
        assert change.accuracy is None or not change.accuracy.beyond_noise


@pytest.mark.parametrize(("peak", "changed"), [(104, False), (96, False), (106, True), (90, True)])
def test_memory_has_changed_from_five_percent_on(peak: int, changed: bool) -> None:
    changes = compare(measured(case(peak_bytes=100)), measured(case(peak_bytes=peak)))
    assert changes.cases[0].memory_changed is changed
