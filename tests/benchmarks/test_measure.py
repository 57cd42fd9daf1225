"""The benchmark with models whose behaviour is known, in real processes."""

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest

import edgetl.benchmarks.measure as measure_module
from edgetl.benchmarks.cases import Plan, PlannedCase
from edgetl.benchmarks.measure import Benchmark, latency, ratio
from edgetl.benchmarks.measured import Failure, Latency, NothingMeasuredError
from edgetl.benchmarks.pictures import Pictures, balanced, drawn_pictures, folder_pictures
from edgetl.benchmarks.process.case_process import CaseProcess
from edgetl.benchmarks.process.engine import Job
from edgetl.benchmarks.rounds import Timed, timed_rounds
from edgetl.edge.errors import DataError
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.system.throttling import Throttling
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.metrics import macro_f1
from tests.conftest import write_colour_pictures

LABELS = ("blue", "red")


def fake(runtime: str, name: str = "fake", *, engine: str = "fake") -> PlannedCase:
    return PlannedCase(
        name=name,
        engine=f"{engine} {runtime}",
        job=Job(
            engine="tests.benchmarks.fake_engine", model="nowhere", runtime=runtime, threads=1,
            labels=None, input_size=InputSize(16, 16),
        ),
        columns=(0, 1),
        bytes=1234,
        sha256="0" * 64,
    )  # fmt: skip


def fake_keras(runtime: str) -> PlannedCase:
    return fake(runtime, "Keras", engine="TensorFlow")


@pytest.fixture
def pictures(tmp_path: Path) -> Pictures:
    return folder_pictures(scan(write_colour_pictures(tmp_path / "data", list(LABELS), 2)))


@pytest.fixture
def measure(tmp_path: Path, pictures: Pictures) -> Callable[..., Benchmark]:
    def run(*cases: PlannedCase, rounds: int = 2, patience: float = 60) -> Benchmark:
        plan = Plan(pictures, cases, (), (), None)
        with TemporaryDirectory(dir=tmp_path) as folder:
            return measure_module.measure(plan, Path(folder), rounds=rounds, patience=patience)

    return run


def test_a_model_of_known_slowness_comes_out_at_it(measure: Callable[..., Benchmark]) -> None:
    keras, half = fake_keras("sleep 0.02"), fake("sleep 0.01", "half")
    measured = measure(keras, half, rounds=3).measured
    slow, fast = measured.cases
    for case, milliseconds in ((slow, 20), (fast, 10)):
        # A sleep is never shorter, and on a busy machine a little longer.
        assert milliseconds <= case.invoke.p50 < milliseconds + 8
        assert case.invoke.p50 <= case.end_to_end.p50 < milliseconds + 30
        assert milliseconds <= case.first_ms
        assert case.load_ms >= 2
        assert case.peak_bytes > 10**6
    assert slow.ratio is None
    assert fast.ratio is not None
    assert fast.ratio.low <= fast.ratio.median <= fast.ratio.high
    assert 1.3 < fast.ratio.median < 2.1
    assert (measured.rounds, measured.calls, measured.stopped) == (3, 20, "")
    assert len(fast.invoke.samples) == 60
    assert fast.pictures_per_second == pytest.approx(1000 / fast.end_to_end.p50, rel=0.5)


def test_every_way_a_row_can_fail_leaves_the_others(measure: Callable[..., Benchmark]) -> None:
    kinds = ["sleep 0.001", "abort", "raise", "nan", "late abort", "print", "hang"]
    measured = measure(*map(fake, kinds), patience=5).measured
    assert [case.engine for case in measured.cases] == ["fake sleep 0.001", "fake print"]
    problems = {failure.engine.removeprefix("fake "): failure for failure in measured.failures}
    assert "SIGABRT" in problems["abort"].problem
    assert problems["raise"].problem == "RuntimeError: no such operator"
    assert "no numbers" in problems["nan"].problem
    assert "SIGABRT" in problems["late abort"].problem
    assert "hung" in problems["hang"].problem
    assert all("\n" not in failure.problem for failure in measured.failures)


def test_nothing_measured_is_an_error_that_names_every_row(
    measure: Callable[..., Benchmark],
) -> None:
    with pytest.raises(NothingMeasuredError) as found:
        measure(fake("raise", "one"), fake("nan", "two"))
    assert found.value.failures == (
        Failure("one", "fake raise", 1, "RuntimeError: no such operator"),
        Failure("two", "fake nan", 1, "gives values that are no numbers"),
    )


def test_a_file_called_keras_is_not_taken_for_keras(measure: Callable[..., Benchmark]) -> None:
    named, other = measure(fake("sleep 0.002", "Keras"), fake("sleep 0.001")).measured.cases
    assert named.quality is not None
    assert named.quality.agreement is None
    assert other.ratio is None
    keras, named = measure(fake_keras("sleep 0.002"), fake("sleep 0.001", "Keras")).measured.cases
    assert keras.ratio is None
    assert named.ratio is not None
    assert named.quality is not None
    assert named.quality.agreement == 1.0


def test_a_killed_row_is_told_so_and_nothing_unrelated(measure: Callable[..., Benchmark]) -> None:
    (failure,) = measure(fake("sleep 0"), fake("kill")).measured.failures
    assert "killed by SIGKILL, probably because memory ran out" in failure.problem
    assert "XNNPACK" not in failure.problem


def test_keras_answers_stand_when_it_fails_in_the_rounds(
    measure: Callable[..., Benchmark], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(processes: Mapping[int, CaseProcess], **options: Any) -> Timed:
        os.kill(processes[1].pid, signal.SIGKILL)
        return timed_rounds(processes, **options)

    monkeypatch.setattr(measure_module, "timed_rounds", killed)
    done = measure(fake("sleep 0.001"), fake_keras("sleep 0"), rounds=1)
    assert [failure.name for failure in done.measured.failures] == ["Keras"]
    (case,) = done.measured.cases
    assert case.quality is not None
    assert (case.quality.agreement, case.quality.mcnemar_p) == (1.0, 1.0)
    assert done.keras_probabilities is not None


def test_quality_is_that_of_the_answers(measure: Callable[..., Benchmark]) -> None:
    # The fake says "red" of everything; two of four are.
    keras, other = measure(fake_keras("ways"), fake("sleep 0", "other")).measured.cases
    assert keras.variant == "fast"
    assert keras.quality is not None
    assert other.quality is not None
    assert keras.quality.agreement is None
    assert other.quality.predicted == (1, 1, 1, 1)
    assert other.quality.accuracy == 0.5
    assert other.quality.accuracy_interval == pytest.approx((0.1500, 0.8500), abs=1e-4)
    # F1 of red is 2*2/(2+4), of blue 0.
    assert other.quality.macro_f1 == pytest.approx(1 / 3)
    assert (other.quality.agreement, other.quality.mcnemar_p) == (1.0, 1.0)
    assert other.quality.largest_difference == 0.0


def test_classes_in_another_order_are_the_same_classes(measure: Callable[..., Benchmark]) -> None:
    (case,) = measure(replace(fake("sleep 0"), columns=(1, 0))).measured.cases
    assert case.quality is not None
    assert case.quality.predicted == (0, 0, 0, 0)


def test_a_picture_that_cannot_be_read_is_left_out(
    measure: Callable[..., Benchmark], pictures: Pictures
) -> None:
    pictures.paths[0].write_bytes(b"no picture")
    done = measure(fake("sleep 0"))
    assert done.measured.targets == (0, 1, 1)
    assert pictures.paths[0].name in done.measured.notes[0]
    for path in pictures.paths:
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="no picture can be read"):
        measure(fake("sleep 0"))


class Idle:
    """Stands for a CaseProcess; what a call takes is its number."""

    def __init__(self, log: list[int], number: int) -> None:
        self.log, self.number = log, number

    def ask(self, do: str, **values: int) -> dict:
        self.log.append(self.number)
        times = [float(self.number)] * values["calls"]
        return {"invoke": times, "end_to_end": times, "peak_bytes": 1}


def test_rows_take_turns_and_each_round_begins_with_another() -> None:
    log: list[int] = []
    processes = {number: Idle(log, number) for number in (1, 2, 3)}
    timed = timed_rounds(processes, rounds=3, calls=2)  # type: ignore[arg-type]
    assert log == [1, 2, 3, 2, 3, 1, 3, 1, 2]
    assert [turn.invoke for turn in timed.turns[2]] == [(2.0, 2.0)] * 3
    assert timed.stopped == ""


def test_an_interrupt_keeps_the_finished_rounds() -> None:
    log: list[int] = []

    class Interrupted(Idle):
        def ask(self, do: str, **values: int) -> dict:
            if len(log) > 3:
                raise KeyboardInterrupt
            return super().ask(do, **values)

    processes = {1: Idle(log, 1), 2: Interrupted(log, 2)}
    timed = timed_rounds(processes, rounds=9, calls=1)  # type: ignore[arg-type]
    assert timed.stopped == "interrupted after 2 of 9 rounds"
    assert [len(turns) for turns in timed.turns.values()] == [2, 2]
    with pytest.raises(KeyboardInterrupt):
        timed_rounds({2: Interrupted([0] * 9, 2)}, rounds=9, calls=1)  # type: ignore[dict-item]


def test_throttled_rounds_do_not_count(
    measure: Callable[..., Benchmark], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = iter([0, 0, 4, 0x40000])

    def told(*arguments: object, **options: object) -> object:
        return timed_rounds(  # type: ignore[misc]
            *arguments, **options, ask_throttling=lambda: Throttling(next(flags), None)
        )

    monkeypatch.setattr(measure_module, "timed_rounds", told)
    measured = measure(fake("sleep 0.001"), rounds=3).measured
    (case,) = measured.cases
    # It was throttled at the end of the second round, and so at the beginning of the third.
    assert [value is None for value in case.invoke.rounds] == [False, True, True]
    assert len(case.invoke.samples) == measured.calls
    assert "not counted: rounds 2, 3" in measured.notes[-1]


def test_percentiles_spread_and_ratios_are_hand_worked() -> None:
    times = [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0], [4.0, 5.0, 6.0]]
    found = latency(times, [True, False, True])
    # Of 1 2 3 4 5 6: the middle, and 0.9 and 0.99 of the variant over five steps.
    assert (found.p50, found.p90, found.p99) == pytest.approx((3.5, 5.5, 5.95))
    assert found.rounds == (2.0, None, 5.0)
    assert found.spread == pytest.approx(1.5 / 3.5)
    assert found.noisy
    assert found.samples == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
    keras = replace(found, rounds=(8.0, 7.0, 10.0))
    beside = ratio(found, keras)
    assert beside is not None
    assert (beside.low, beside.median, beside.high) == (2.5, 3.0, 3.5)
    none = latency(times, [False] * 3)
    assert none.p50 == 5.0
    assert ratio(none, keras) is None
    many = latency([list(np.arange(5000.0))], [True])
    assert len(many.samples) == 1000
    assert (many.samples[0], many.samples[-1]) == (0.0, 4999.0)


def test_macro_f1_is_hand_worked() -> None:
    targets, predicted = np.array([0, 0, 0, 1, 1, 3]), np.array([0, 0, 1, 1, 3, 3])
    # 2*2/(3+2), 2*1/(2+2), 2*1/(1+2); class 2 is neither there nor predicted.
    expected = (4 / 5 + 1 / 2 + 2 / 3) / 3
    assert macro_f1(targets, predicted, classes=4) == pytest.approx(expected)
    assert macro_f1(targets, targets, classes=4) == 1.0


def test_fewer_pictures_are_balanced_and_evenly_taken() -> None:
    targets = [0] * 80 + [1] * 20 + [2] * 3
    chosen = balanced(targets, 33)
    counts = [sum(targets[index] == label for index in chosen) for label in range(3)]
    assert counts == [15, 15, 3]
    assert len(set(chosen)) == 33
    assert chosen == sorted(chosen)
    assert chosen[0] == 0
    assert max(index for index in chosen if index < 80) > 70
    assert balanced(targets, 1000) == list(range(103))


def test_drawn_pictures_are_the_same_each_time(tmp_path: Path) -> None:
    first, second = (drawn_pictures(tmp_path / name, LABELS) for name in "ab")
    assert first.paths[0].read_bytes() == second.paths[0].read_bytes()
    assert first.targets == ()
    assert median(path.stat().st_size for path in first.paths) > 20_000


def test_latency_of_one_round_has_no_spread() -> None:
    one = Latency(1.0, 1.0, 1.0, (1.0,), (1.0,))
    assert (one.spread, one.noisy) == (0.0, False)
