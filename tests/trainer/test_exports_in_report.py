"""The exported files in report.html, which export writes there."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgetl.trainer.exporting.in_report import show_in_report
from edgetl.trainer.exporting.record import ExportedFile, add_to_record
from edgetl.trainer.report.exports import FILES, UNTIL
from edgetl.trainer.run.folder import RunFolder
from tests.html_page import Page
from tests.trainer.made_report import written_report
from tests.trainer.test_export_record import exported_file


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    written_report(tmp_path)
    run = RunFolder(tmp_path / "a run")
    run.exports.mkdir()
    return run


def exported(run: RunFolder, name: str, **changed: object) -> ExportedFile:
    path = run.exports / f"model.{name}.tflite"
    path.write_bytes(b"a file")
    file = replace(exported_file(path), **changed)
    add_to_record(run.exports, [file])
    show_in_report(run)
    return file


def shown(run: RunFolder) -> str:
    return Page(run.report.read_text(encoding="utf-8")).sections["exported-files"]


def test_before_an_export_the_page_says_what_to_type(run: RunFolder) -> None:
    assert "Not exported yet" in shown(run)
    assert f"edgetl export '{run.path.as_posix()}' --quantize int8" in shown(run)


def test_each_file_is_shown_beside_keras(run: RunFolder) -> None:
    exported(run, "int8")
    said = shown(run)
    assert "Not exported yet" not in said
    for words in (
        "int8rejectedlitert 2.1.018.90100.0%100.0%1,000 validation-12.3",
        "of 1,000",
        "-14.5 to -10.1",
        "tflite-runtime 2.14.0",
        "int8 rejected: loses 12.3 percentage points of accuracy",
    ):
        assert words in said
    assert "only the difference tells" not in said
    # The record is of an older edgetl.
    assert "100.0%ECE" not in said


def test_the_calibration_error_is_beside_that_of_keras(run: RunFolder) -> None:
    first, second = exported_file(run.path).checks
    assert first.parity
    measured = replace(first.parity, ece=0.0312, keras_ece=0.0279)
    exported(run, "int8", checks=(replace(first, parity=measured), second))
    assert "100.0%ECE 0.028100.0%ECE 0.0311,000 validation" in shown(run)


def test_a_runtime_that_was_checked_on_fewer_photos_has_its_own_number(run: RunFolder) -> None:
    first, second = exported_file(run.path).checks
    assert second.parity
    assert second.difference
    fewer = replace(
        second,
        parity=replace(second.parity, pictures=400),
        difference=replace(second.difference, pictures=500),
    )
    exported(run, "int8", checks=(first, fewer), split="train")
    assert "1,000 training" in shown(run)
    assert "400 training" in shown(run)
    assert "of 500" in shown(run)


def test_a_later_export_takes_the_place_of_the_earlier_one(run: RunFolder) -> None:
    before = run.report.read_text(encoding="utf-8")
    exported(run, "int8", split="train")
    exported(run, "float32", split="train")
    exported(run, "int8", split="train", bytes=2_900_000)
    after = run.report.read_text(encoding="utf-8")
    assert shown(run).count("litert 2.1.0") == 2
    assert "2.90" in shown(run)
    assert "learned from training photos, so of these only the difference tells" in shown(run)
    for start, end in (FILES, UNTIL):
        assert before.count(start) == before.count(end) == 1
        before, after = (
            page.partition(start)[0] + page.partition(end)[2] for page in (before, after)
        )
    assert before == after


def test_an_export_is_a_next_step_until_there_is_one(run: RunFolder) -> None:
    def steps() -> str:
        return Page(run.report.read_text(encoding="utf-8")).sections["next-steps"]

    assert "Export it for a device" in steps()
    exported(run, "int8")
    assert "Export it for a device" not in steps()
    assert "Classify photos or a camera with it" in steps()


def test_a_file_that_does_not_run_has_no_figures(run: RunFolder) -> None:
    (check, _) = exported_file(run.path).checks
    broken = replace(check, parity=None, difference=None, problem="no AVX", why="it has <no> AVX")
    exported(run, "int8", checks=(broken,))
    assert "18.90" + "\N{EN DASH}" * 4 in shown(run)
    assert "rejected: it has <no> AVX" in shown(run)


@pytest.mark.parametrize("page", ["<p>of an older edgetl</p>", f"cut off {FILES[0]} here", None])
def test_a_report_without_a_place_for_them_is_left_alone(
    run: RunFolder, page: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    run.report.unlink()
    if page:
        run.report.write_text(page)
    exported(run, "int8")
    assert (run.report.read_text() if page else None) == page
    assert not run.report.exists() or page
    assert not caplog.messages


def test_a_report_that_is_no_text_is_warned_of(
    run: RunFolder, caplog: pytest.LogCaptureFixture
) -> None:
    run.report.write_bytes(b"\xff\xfe\x00")
    exported(run, "int8")
    (line,) = caplog.messages
    assert "report.html: the exported files are not shown there: it is not UTF-8" in line
