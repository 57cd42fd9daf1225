import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from edgetl.edge.errors import RunFolderError
from edgetl.edge.model.verdict import PairedDifference, RecallChange
from edgetl.trainer.exporting.parity import Parity
from edgetl.trainer.exporting.record import (
    VERSION,
    ExportedFile,
    LayerQuantizationError,
    RuntimeCheck,
    add_to_record,
    read_record,
)
from edgetl.trainer.exporting.rendering import print_exported

# As edgetl 0.1.0 wrote it.
OLD = """{
  "edgetl": "0.1.0",
  "exported": "2025-11-03T10:00:00+00:00",
  "files": {
    "model.int8.tflite": {
      "quantization": "int8", "bytes": 9, "sha256": "5e", "split": "test",
      "checks": [
        {"runtime": "litert", "version": "2.1.0", "problem": null, "parity": {
          "pictures": 4, "accuracy": 0.75, "accuracy_interval": [0.3, 0.95],
          "keras_accuracy": 1.0, "agreement": 0.75, "largest_difference": 0.2,
          "mean_difference": 0.1, "mcnemar_p": 1.0, "fell_most": "red", "recall_drop": 0.5}},
        {"runtime": "tflite-runtime", "version": "2.14.0", "parity": null, "problem": "no AVX"}
      ],
      "keep_float": ["Conv_1"],
      "layer_errors": [{"layer": "Conv_1", "lost": 0.5}],
      "rejected": null
    }
  }
}"""


def exported_file(path: Path, *, worst_class: str | None = "red") -> ExportedFile:
    parity = Parity(1000, 1.0, (0.996, 1.0), 1.0, 1.0, 0.27, 0.009, 1.0)
    recalls = () if worst_class is None else (RecallChange(worst_class, 1000, 1.0, 0.877),)
    found = PairedDifference(1000, 123, 0, (-0.145, -0.101), 1.0, 0.27, 2, recalls)
    why = "loses 12.3 percentage points of accuracy"
    return ExportedFile(
        path=path,
        quantization="int8",
        bytes=18_900_000,
        sha256="5e",
        split="validation",
        checks=(
            RuntimeCheck("litert", "2.1.0", parity, None, found, 2.0, "rejected", why),
            RuntimeCheck("tflite-runtime", "2.14.0", parity, None, found, 2.0, "rejected", why),
        ),
        keep_float=("Conv_1",),
        layer_errors=(LayerQuantizationError("Conv_1", 0.543),) * 5,
        verdict="too few to tell",
        why=why,
    )


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    file = exported_file(tmp_path / "model.int8.tflite")
    add_to_record(tmp_path, [file])
    record = read_record(tmp_path)
    assert record.version == VERSION
    assert record.files == {"model.int8.tflite": file}


def test_a_record_of_0_1_0_opens(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(OLD)
    record = read_record(tmp_path)
    assert (record.version, record.edgetl) == (0, "0.1.0")
    file = record.files["model.int8.tflite"]
    assert (file.path, file.split) == (tmp_path / "model.int8.tflite", "test")
    litert, other = file.checks
    assert litert.parity is not None
    assert litert.parity.accuracy_interval == (0.3, 0.95)
    assert (other.parity, other.problem) == (None, "no AVX")
    assert (litert.difference, litert.verdict) == (None, None)
    assert (file.verdict, file.why) == ("accepted", None)
    assert file.layer_errors == (LayerQuantizationError("Conv_1", 0.5),)


def test_earlier_files_stay_in_the_record_while_they_are_there(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text(OLD)
    new = exported_file(tmp_path / "model.float32.tflite")
    (tmp_path / "model.int8.tflite").touch()
    add_to_record(tmp_path, [new])
    written = json.loads((tmp_path / "export.json").read_text())
    assert list(written["files"]) == ["model.int8.tflite", "model.float32.tflite"]
    kept = read_record(tmp_path).files["model.int8.tflite"]
    assert (kept.sha256, kept.verdict, kept.keep_float) == ("5e", "accepted", ("Conv_1",))
    (tmp_path / "model.int8.tflite").rename(tmp_path / "model.int8.earlier.tflite")
    add_to_record(tmp_path, [new])
    aside = read_record(tmp_path).files["model.int8.earlier.tflite"]
    assert aside == replace(kept, path=tmp_path / "model.int8.earlier.tflite")
    aside.path.unlink()
    add_to_record(tmp_path, [new])
    assert list(read_record(tmp_path).files) == ["model.float32.tflite"]


def test_why_an_older_edgetl_rejected_a_file_is_kept(tmp_path: Path) -> None:
    rejected = OLD.replace('"rejected": null', '"rejected": "loses 5 points"')
    (tmp_path / "export.json").write_text(rejected)
    file = read_record(tmp_path).files["model.int8.tflite"]
    assert (file.verdict, file.why) == ("rejected", "loses 5 points")


@pytest.mark.parametrize("content", ["{", "[]", '{"files": {"a": {"checks": 5}}}'])
def test_a_damaged_record_is_named_and_replaced(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "export.json").write_text(content)
    with pytest.raises(RunFolderError, match=r"export\.json: damaged; export again"):
        read_record(tmp_path)
    add_to_record(tmp_path, [exported_file(tmp_path / "model.int8.tflite")])
    assert list(read_record(tmp_path).files) == ["model.int8.tflite"]


def test_a_record_of_a_newer_edgetl_is_told(tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text('{"version": 99, "files": {}}')
    with pytest.raises(RunFolderError, match="newer edgetl"):
        read_record(tmp_path)


def test_the_table_fits_80_columns_with_every_number_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = "a very long name of [red]a-class-without-a-space-that-goes-on-and-on"
    files = [
        exported_file(Path("runs/x/exports", f"model.{kind}.tflite"), worst_class=name)
        for kind in ("float32", "float16", "dynamic", "int8", "int8-float32-input.rejected")
    ]
    print_exported(files)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "\n".join(lines)
    (header,) = (line for line in lines if "agrees" in line)
    headings = ["file", "MB", "acc.", "photos", "agrees", "difference", "worst recall"]
    assert header.split() == " ".join(headings).split()
    rows = [line for line in lines if line.split()[:1] in (["litert"], ["tflite-runtime"])]
    numbers = ["100.0", "1000", "100.0", "-12.3", "(-14.5,", "-10.1)", "-12.3"]
    assert len(rows) == 10
    assert sum(line.strip() == "too few to tell" for line in lines) == 5
    assert all(row.split()[1:8] == numbers for row in rows)
    folded = "".join(line.strip() for line in lines[: lines.index(str(files[0].path))])
    assert folded.replace(" ", "").count("a-class-without") == 10


def test_the_calibration_error_of_each_file_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    file = exported_file(Path("model.int8.tflite"))
    first, older = file.checks
    assert first.parity
    measured = replace(first, parity=replace(first.parity, ece=0.03117, keras_ece=0.0279))
    print_exported([replace(file, checks=(measured, older))])
    said = [line for line in capsys.readouterr().out.splitlines() if "calibration" in line]
    assert said == ["  expected calibration error on litert: 0.0312, Keras 0.0279"]


def test_a_file_that_does_not_run_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    file = exported_file(Path("model.int8.tflite"))
    check = RuntimeCheck("litert", "2.1.0", None, "no AVX")
    print_exported([ExportedFile(**{**vars(file), "checks": (check,)})])
    assert "does not run" in capsys.readouterr().out
    assert asdict(check)["problem"] == "no AVX"
