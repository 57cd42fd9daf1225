import shutil
from pathlib import Path

import pytest

from benchmarks.comparison import compare
from edge.errors import RunFolderError
from trainer.run_folder import RunFolder


def test_every_exported_file_is_a_row_beside_keras(two_class_run: Path) -> None:
    result = compare(RunFolder(two_class_run))
    assert (result.split, result.pictures) == ("test", 4)
    assert [row.name for row in result.rows] == ["Keras", "float32", "int8"]
    keras, float32, int8 = result.rows
    assert keras.times_faster == 1.0
    assert float32.parity.agreement == 1.0
    assert float32.parity.largest_difference < 1e-3
    for row in result.rows:
        assert 0 < row.milliseconds < 10_000
    assert int8.bytes == (two_class_run / "exports" / "model.int8.tflite").stat().st_size


def test_photos_that_are_gone_are_named(two_class_run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(two_class_run, tmp_path / "run")
    config = moved / "config.json"
    config.write_text(config.read_text().replace("/data", "/gone"))
    with pytest.raises(RunFolderError, match="no longer there"):
        compare(RunFolder(moved))
