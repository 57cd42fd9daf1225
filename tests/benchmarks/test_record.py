import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgetl.benchmarks.measured import Latency, Measured, Ratio
from edgetl.benchmarks.record import read_measured, to_json
from edgetl.edge.errors import EdgetlError
from tests.benchmarks.made import TARGETS, case, measured, quality, whole_run, wrong_at

WHOLE = whole_run()


def _file(folder: Path, text: str) -> Path:
    path = folder / "a.json"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "benchmark",
    [
        WHOLE,
        measured(),
        measured(case(), labels=("Katze \N{CAT}", "</script>"), targets=(), stopped="Ctrl-C"),
        measured(case(invoke=Latency(3.0, 3.5, 4.0, (None, 3.0), ()))),
    ],
    ids=["whole", "empty", "any words", "throttled"],
)
def test_what_is_written_is_read_back(benchmark: Measured, tmp_path: Path) -> None:
    assert read_measured(_file(tmp_path, to_json(benchmark))) == benchmark


def test_whole_numbers_are_read_as_the_floats_they_stand_for(tmp_path: Path) -> None:
    text = to_json(measured(case(load_ms=12.0))).replace('"load_ms": 12.0', '"load_ms": 12')
    load = read_measured(_file(tmp_path, text)).cases[0].load_ms
    assert (load, type(load)) == (12.0, float)


def test_a_field_of_a_later_release_is_ignored(tmp_path: Path) -> None:
    content = json.loads(to_json(WHOLE))
    content["machine"]["board"] = content["rows"][0]["joules"] = 1
    assert read_measured(_file(tmp_path, json.dumps(content))) == WHOLE


def test_rows_that_are_not_to_be_quoted_are_marked() -> None:
    content = json.loads(to_json(WHOLE))
    (keras, float32, *_, int8, slow, _) = content["rows"]
    assert [case["noisy"] for case in (keras, float32, int8, slow)] == [False, False, False, True]
    assert [slow[kind]["noisy"] for kind in ("invoke", "end_to_end", "ratio")] == [
        *(True, False, False)
    ]
    sure, unsure = (replace(WHOLE.cases[1], ratio=Ratio(5.0, low, 5.5)) for low in (4.9, 4.7))
    content = json.loads(to_json(replace(WHOLE, cases=(sure, unsure))))
    assert [case["ratio"]["noisy"] for case in content["rows"]] == [False, True]


def test_memory_that_a_system_does_not_tell_is_no_damage(tmp_path: Path) -> None:
    benchmark = measured(case(peak_bytes=0))
    assert read_measured(_file(tmp_path, to_json(benchmark))) == benchmark


def test_a_figure_that_is_no_number_is_null() -> None:
    broken = quality(wrong_at(), TARGETS, largest_difference=float("nan"))
    content = json.loads(to_json(measured(case(quality=broken))))
    assert content["rows"][0]["quality"]["largest_difference"] is None


def _without(*indices: str | int) -> str:
    content = json.loads(to_json(WHOLE))
    inner: Any = content
    for index in indices[:-1]:
        inner = inner[index]
    del inner[indices[-1]]
    return json.dumps(content)


def _with(value: Any, *indices: str | int) -> str:
    content = json.loads(to_json(WHOLE))
    inner: Any = content
    for index in indices[:-1]:
        inner = inner[index]
    inner[indices[-1]] = value
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        (to_json(WHOLE)[:-100], "is not JSON"),
        ("[1, 2]", "does not hold a benchmark's figures"),
        ('{"format": 1}', "does not hold a benchmark's figures"),
        ('{"format": true, "rows": []}', "does not hold a benchmark's figures"),
        (_with(2, "format"), "written by a newer edgetl; upgrade with: pip"),
        (_with(0, "format"), "is damaged: format is 0"),
        (_without("machine", "cpu"), "is damaged: machine.cpu is missing"),
        (_without("rows", 1, "invoke", "p50"), "rows[1].invoke.p50 is missing"),
        (_with("fast", "rows", 1, "invoke", "p50"), 'rows[1].invoke.p50 is "fast"'),
        (_with(True, "rows", 1, "bytes"), "rows[1].bytes is true"),
        (_with(0, "rows", 1, "bytes"), "is damaged: rows[1].bytes is 0"),
        (_with(-1, "rows", 1, "peak_bytes"), "is damaged: rows[1].peak_bytes is -1"),
        (_with(0, "rows", 1, "threads"), "is damaged: rows[1].threads is 0"),
        (_with(1.5, "rows", 1, "bytes"), "rows[1].bytes is 1.5"),
        (_with(None, "rows", 0, "load_ms"), "rows[0].load_ms is null"),
        (_with(10**400, "rows", 0, "load_ms"), "is damaged"),
        (_with([0.1], "rows", 0, "quality", "accuracy_interval"), "accuracy_interval is [0.1]"),
        (_with({}, "rows"), "rows is {}"),
        (_with([[]], "rows"), "rows[0] is []"),
        (_with([0], "truth"), "predicted has 100 classes for 1 pictures"),
        (_with(2, "truth", 0), "truth has a class that is none of the 2 labels"),
        (_with(-1, "rows", 0, "quality", "predicted", 3), "none of the 2 labels"),
        (_with(0, "rows", 2, "end_to_end", "p50"), "rows[2].end_to_end has a time"),
        (_with("\n" * 90, "rows", 0, "bytes"), "rows[0].bytes is"),
    ],
)
def test_what_is_no_benchmark_is_one_clear_line(text: str, said: str, tmp_path: Path) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(EdgetlError) as caught:
        read_measured(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 140


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EdgetlError, match=r"gone\.json: cannot be read: no such file"):
        read_measured(tmp_path / "gone.json")
    with pytest.raises(EdgetlError, match="cannot be read: is a directory"):
        read_measured(tmp_path)


def test_an_unfinished_benchmark_is_read_too(tmp_path: Path) -> None:
    stopped = replace(WHOLE, stopped="interrupted", rounds=2, cases=WHOLE.cases[:1])
    assert read_measured(_file(tmp_path, to_json(stopped))) == stopped
