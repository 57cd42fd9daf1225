"""A run whose files somebody changed is refused in one line, or read; never a traceback."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.edge.errors import EdgetlError
from edgetl.trainer.config import read_config
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.doubtful.moves import read_moves
from edgetl.trainer.exporting.record import read_record
from edgetl.trainer.run.folder import RunFolder, read_run
from edgetl.trainer.run.overview import compare_runs, list_runs
from edgetl.trainer.run.split_record import read_digests
from edgetl.trainer.unknown import read_unknown
from tests.tampering import tampered

OLDER = Path(__file__).parent / "run_0_1_0"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = tmp_path / "runs" / "one"
    shutil.copytree(OLDER, folder)
    (folder / "model.keras").touch()
    return RunFolder(folder)


def outcome(path: Path, content: Any, read: Callable[[], object]) -> str:
    """What reading a file with this content comes to: "read" or the error's one line."""
    path.write_text(json.dumps(content))
    try:
        read()
    except EdgetlError as error:
        return str(error)
    return "read"


@pytest.mark.parametrize("name", ["config.json", "metrics.json", "split.json"])
def test_any_value_of_another_kind_is_one_line_or_none(run: RunFolder, name: str) -> None:
    def read() -> None:
        list_runs(run.path.parent)
        found = read_run(run)
        read_digests(run.split)
        compare_runs(found.folder.path, found.folder.path)

    path = run.path / name
    genuine = json.loads(path.read_text())
    assert outcome(path, genuine, read) == "read"
    refused = 0
    for content in tampered(genuine):
        line = outcome(path, content, read)
        assert line.isprintable(), content
        refused += line != "read"
    assert refused > 5


def test_an_export_record_with_any_other_value_is_one_line(tmp_path: Path) -> None:
    genuine = {"version": 2, "edgetl": "1", "exported": "x", "files": {"m.tflite": {"checks": []}}}
    path = tmp_path / "export.json"
    for content in tampered(genuine):
        assert outcome(path, content, lambda: read_record(tmp_path)).isprintable()


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"means": np.zeros(3)},
        {"means": np.zeros((2, 5)), "basis": np.zeros((4, 3))},
        {"means": np.full((2, 4), np.nan), "basis": np.zeros((4, 3))},
        {"means": np.zeros((2, 4)), "basis": np.zeros((4, 3)), "numbers": np.array([0.0, 1, 1])},
    ],
)
def test_an_unknown_that_makes_no_sense_is_damage(tmp_path: Path, arrays: dict[str, Any]) -> None:
    rest = {"numbers": np.ones(3), "counts": np.ones(2)}
    np.savez(tmp_path / "unknown.npz", **(rest | arrays))
    with pytest.raises(EdgetlError, match=r"unknown\.npz: damaged"):
        read_unknown(tmp_path / "unknown.npz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_nothing_waits_for_a_pipe(run: RunFolder, tmp_path: Path) -> None:
    for name in ("config.json", "metrics.json", "split.json", "labels.txt"):
        (run.path / name).unlink()
        os.mkfifo(run.path / name)
        with pytest.raises(EdgetlError, match=f"{name}: a pipe or device"):
            read_run(run)
        (run.path / name).unlink()
        shutil.copy(OLDER / name, run.path / name)
    for name in ("a.toml", "a.json"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(EdgetlError, match=f"{name}: a pipe or device"):
            read_config(tmp_path / name)
    os.mkfifo(tmp_path / "export.json")
    with pytest.raises(EdgetlError, match=r"export\.json: a pipe or device"):
        read_record(tmp_path)


def test_what_is_far_too_large_is_not_read(run: RunFolder, tmp_path: Path) -> None:
    for path, read in (
        (run.config, lambda: read_run(run)),
        (tmp_path / "a.toml", lambda: read_config(tmp_path / "a.toml")),
        (tmp_path / "moves.csv", lambda: read_moves(tmp_path / "moves.csv")),
    ):
        path.touch()
        os.truncate(path, 9 * 10**9)
        with pytest.raises(EdgetlError, match=f"{path.name}: larger than"):
            read()
    (tmp_path / "data" / "a").mkdir(parents=True)
    (tmp_path / "data" / "labels.csv").touch()
    os.truncate(tmp_path / "data" / "labels.csv", 9 * 10**9)
    with pytest.raises(EdgetlError):
        scan(tmp_path / "data")
