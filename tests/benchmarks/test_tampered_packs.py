"""A pack or a file of figures whose JSON somebody changed is refused in one line, or read."""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.benchmarks.compare import compare
from edgetl.benchmarks.pack import read_pack, write_pack
from edgetl.benchmarks.pictures import folder_pictures
from edgetl.benchmarks.record import read_measured, to_json
from edgetl.edge.errors import EdgetlError
from edgetl.trainer.data.scanning import scan
from tests.benchmarks.made import whole_run
from tests.benchmarks.test_pack import ROW
from tests.conftest import write_colour_pictures
from tests.tampering import tampered


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    pictures = folder_pictures(scan(write_colour_pictures(tmp_path / "data", ["blue", "red"], 2)))
    (tmp_path / "model.int8.tflite").write_bytes(b"a model" * 100)
    probabilities = np.zeros((4, 2), np.float32)
    files = [tmp_path / "model.int8.tflite"]
    write_pack(tmp_path / "pack.zip", pictures, files, [ROW], probabilities, machine="desk")
    return tmp_path / "pack.zip"


@pytest.mark.slow
def test_any_value_of_a_pack_of_another_kind_is_one_line_or_none(pack: Path) -> None:
    with zipfile.ZipFile(pack) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    genuine = json.loads(members["pack.json"])

    def outcome(facts: Any) -> str:
        with zipfile.ZipFile(pack, "w") as archive:
            for name, content in (members | {"pack.json": json.dumps(facts).encode()}).items():
                archive.writestr(name, content)
        folder = pack.with_name("unpacked")
        folder.mkdir()
        try:
            read_pack(pack, folder)
        except EdgetlError as error:
            return str(error)
        finally:
            shutil.rmtree(folder)
        return "read"

    assert outcome(genuine) == "read"
    lines = list(map(outcome, tampered(genuine)))
    assert all(len(line.splitlines()) == 1 and line.isprintable() for line in lines)
    assert sum(line != "read" for line in lines) > 30


def test_any_figure_of_another_kind_is_one_line_or_none(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(to_json(whole_run()))
    genuine = json.loads(path.read_text())
    refused = 0
    for content in tampered(genuine):
        path.write_text(json.dumps(content))
        try:
            found = read_measured(path)
        except EdgetlError as error:
            refused += str(error).isprintable()
        else:
            compare(found, found)
    assert refused > 100
