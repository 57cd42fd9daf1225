"""What a terminal of 80 columns shows of a benchmark: nothing is cut, no number broken."""

import re
from dataclasses import replace

import pytest

from edgetl.benchmarks.measured import Measured
from edgetl.benchmarks.report.tables import fine_print, method, print_measured
from tests.benchmarks.made import (
    TARGETS,
    case,
    keras,
    latency,
    machine,
    measured,
    quality,
    whole_run,
    wrong_at,
)

LONG = "a/very/long/path/of/folders/that/tells/it/from/others/exports/int8"


def wide() -> Measured:
    """Slow models, long names, large files."""
    slow = {
        "load_ms": 123456.0, "first_ms": 12345.6, "bytes": 1_234_567_890,
        "peak_bytes": 12_345_000_000, "quality": quality(TARGETS, TARGETS, mcnemar_p=1.0),
    }  # fmt: skip
    return measured(
        keras(12345.6, **slow), case(LONG, 4321.0, threads=16, **slow), case(threads=1),
        machine=machine(cpu="A processor with a name of its own " * 4),
        notes=("on 1,000 of 2,000 pictures, the classes balanced",),
    )  # fmt: skip


@pytest.mark.parametrize("benchmark", [whole_run(), wide(), measured(case(), targets=())])
def test_nothing_is_cut_at_80_columns(
    benchmark: Measured, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_measured(benchmark)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("\N{HORIZONTAL ELLIPSIS}" in line for line in lines)
    figures = [word for line in lines for word in re.findall(r"\d+\.\d+", line)]
    for shown in benchmark.cases:
        value = shown.invoke.p90
        text = f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
        assert text in figures or any(re.search(rf"(?<!\d){text}(?!\d)", line) for line in lines)
    assert lines[-3:] == fine_print(benchmark)


@pytest.mark.parametrize(
    "benchmark",
    [whole_run(), wide(), measured(), measured(case(elsewhere="\x1b[31m" + "desk" * 50))],
)
def test_the_fine_print_is_three_lines_of_80_columns(benchmark: Measured) -> None:
    lines = fine_print(benchmark)
    assert len(lines) == 3
    for line in lines:
        assert line.isprintable()
        assert 0 < len(line) <= 80


def test_the_fine_print_says_on_what_and_where_the_rest_is() -> None:
    first, second, third = fine_print(whole_run())
    assert first.startswith("100 pictures (test); 9 rounds of 20 calls; threads: 2")
    assert "*: measured on Raspberry Pi 4 Model B" in second
    assert "--report" in third
    assert fine_print(measured(case(), targets=()))[0].startswith("only timed")


def test_the_method_has_what_the_fine_print_leaves_out() -> None:
    text = " ".join(method(replace(wide(), stopped="interrupted after 2 of 9 rounds")))
    for words in (
        "interrupted after 2 of 9 rounds", "on 1,000 of 2,000 pictures", "fresh process", "Wilson",
        "McNemar", "A processor with a name", "Before: load 0.25",
    ):  # fmt: skip
        assert words in text


def test_accuracies_are_whole(capsys: pytest.CaptureFixture[str]) -> None:
    answers = quality(wrong_at(), TARGETS)
    slow = case(quality=answers, invoke=latency(99999.0), end_to_end=latency(99999.0))
    print_measured(measured(slow))
    assert "100.0 96.3-100.0" in capsys.readouterr().out
