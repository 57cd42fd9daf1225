"""What changed between two benchmarks, as a table of 80 columns and as JSON."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from edgetl.benchmarks.compare import compare
from edgetl.benchmarks.measured import Failure, Latency, Measured
from edgetl.benchmarks.report.comparison import changes_to_json, print_changes
from tests.benchmarks.made import TARGETS, case, latency, machine, measured, quality, wrong_at


def bimodal(fast: int, slow: int) -> Sequence[float]:
    """Medians of rounds on a machine that was at times half as fast."""
    return [10.0 + 0.01 * n for n in range(fast)] + [20.0 + 0.01 * n for n in range(slow)]


# More rounds were slow in the second, but of the pairs of rounds the middle one hardly differs.
BEFORE_AND_AFTER = (
    latency(17.99, rounds=bimodal(8, 7)), latency(20.35, rounds=bimodal(7, 8))
)  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after"),
    [
        BEFORE_AND_AFTER,
        (latency(17.99, rounds=(18.0, 18.1, 18.2)), latency(20.35, rounds=(17.5, 17.6, 17.4))),
        (latency(0.8, rounds=(0.834, 0.834, 0.834)), latency(0.7, rounds=(0.756, 0.756, 0.756))),
        (latency(3.0, rounds=(2.0, 2.1, 2.2, 2.3, 2.4)), latency(3.0, rounds=(4.0, 4.1, 4.2))),
    ],
)
def test_the_change_is_that_of_the_columns(
    before: Latency, after: Latency, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = compare(measured(case(invoke=before)), measured(case(invoke=after)))
    print_changes(changes)
    line = next(s for s in capsys.readouterr().out.splitlines() if "invoke, ms" in s)
    a, b, change = re.findall(r"[-+]?\d+\.\d+", line)[:3]
    # The columns are rounded to three figures or more, the change to 0.1 %.
    assert float(change) == pytest.approx(100 * (float(b) / float(a) - 1), abs=0.5)
    found = json.loads(changes_to_json(changes))["rows"][0]["invoke"]
    assert found["ratio"] == pytest.approx(found["after"] / found["before"])
    assert found["low"] is None or found["low"] <= found["ratio"] <= found["high"]


def _faster() -> tuple[Measured, Measured]:
    a = measured(case("int8", 4.0, quality=quality(wrong_at(99), TARGETS)), case("gone[/red]"))
    faster = case(
        "int8", 3.0, engine="litert 2.4.0", bytes=2_700_000, sha256="00", peak_bytes=300_000_000,
        quality=quality(wrong_at(*range(8)), TARGETS),
    )  # fmt: skip
    b = measured(
        faster,
        machine=machine(name="[bold]Pi 5\n"),
        failures=(Failure("gone[/red]", "litert 2.4.0", 2, "cannot\nrun it"),),
    )
    return a, b


def test_the_table_says_what_changed_and_what_only_seems_to(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_changes(compare(*_faster()))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "A: bench, Cortex-A76, edgetl 0.1.0, 2026-11-24 16:00 UTC"
    assert lines[1] == r"B: [bold]Pi 5\n, Cortex-A76, edgetl 0.1.0, 2026-11-24 16:00 UTC"
    for line in (
        "int8, litert, 2 threads",
        "invoke, ms 4.00 3.00 -25.0% (-25.3% to -24.7%) faster",
        "end to end, ms 6.00 5.00 -16.7% (-17.0% to -16.3%) faster",
        "accuracy 99.00% 92.00% -7.00 pp (+1, -8; p=0.039) worse",
        "file, MB 2.65 2.70 +1.9% more",
        "peak memory, MB 210 300 +42.9% more",
        r"only in A: gone[/red], litert 2.3.0, 2 threads; in B: cannot\nrun it",
        r"machine bench [bold]Pi 5\n",
    ):
        assert line in lines
    assert "McNemar" in " ".join(lines)


def test_the_table_says_when_the_pictures_were_others(capsys: pytest.CaptureFixture[str]) -> None:
    a, b = _faster()
    print_changes(compare(a, replace(b, fingerprint="cd" * 32)))
    out = " ".join(capsys.readouterr().out.split())
    assert "-7.00 pp (-14.05 to -1.09) worse" in out
    assert "did not classify the same pictures" in out
    assert "pictures 100 of test (abababababab) 100 of test (cdcdcdcdcdcd)" in out


@pytest.mark.parametrize(("before", "after"), [(0, 210_000_000), (210_000_000, 0), (0, 0)])
def test_memory_that_a_system_does_not_tell_is_a_dash(
    before: int, after: int, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = compare(measured(case(peak_bytes=before)), measured(case(peak_bytes=after)))
    print_changes(changes)
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    shown = [f"{size / 1e6:.0f}" if size else "-" for size in (before, after)]
    assert f"peak memory, MB {shown[0]} {shown[1]} -" in lines
    assert not changes.cases[0].memory_changed


def test_what_was_only_timed_has_classified_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    timed = measured(case(), targets=(), split="drawn")
    changes = compare(timed, timed)
    assert not changes.same_pictures
    print_changes(changes)
    out = " ".join(capsys.readouterr().out.split())
    assert "pictures" not in out
    assert "Latencies are the medians" in out


def test_two_benchmarks_without_a_common_row_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    print_changes(compare(measured(case("a")), measured(case("b"))))
    out = capsys.readouterr().out
    assert "no case is in both" in out
    assert "only in A: a," in out
    assert "only in B: b," in out


def test_changes_are_json_too() -> None:
    content = json.loads(changes_to_json(compare(*_faster())))
    assert content["rows"][0]["invoke"]["verdict"] == "faster"
    assert content["rows"][0]["accuracy"]["p"] == pytest.approx(20 / 512)
    assert content["only_before"][0]["problem"] == "cannot\nrun it"


def test_nothing_is_cut_or_broken_at_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    slow, slower = (
        case(
            "a/very/long/path/of/folders/exports/int8", p50, engine="tflite-runtime 2.14.0",
            bytes=size, peak_bytes=10 * size, quality=quality(wrong_at(1), TARGETS),
            sha256=str(size),
        )
        for p50, size in ((12345.6, 1_234_567_890), (23456.7, 1_334_567_890))
    )  # fmt: skip
    print_changes(compare(measured(slow), measured(slower, fingerprint="cd" * 32)))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in out
    changed = r"\+90.0% \(\+\d+.\d% to \+\d+.\d%\)"
    assert re.search(rf"invoke, ms +12345.6 +23456.7 +{changed} +slower", out)
    assert re.search(r"peak memory, MB +12346 +13346 +\+8.1% +more", out)
    assert re.search(r"file, MB +1234.57 +1334.57 +\+8.1% +more", out)
