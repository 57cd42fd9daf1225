"""What a person does in a notebook: train, export and classify from Python."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import write_colour_pictures

THREE_LINES = """
from edgetl.trainer import export, train
run = train("photos", image_size=64, epochs=4, head_epochs=2, head_lr=0.01, batch_size=4)
files = export(run.path, quantize=("int8",), max_drop=100)
"""
CLASSIFY = """
from edgetl.edge import Classifier
print(files[0].path, Classifier(files[0].path).classify("photos/red/red-00.jpg")[0].label)
"""
WRONG = """
import sys
from edgetl.edge import EdgetlError
from edgetl.trainer import train
for data, settings in (("nowhere", {}), ("photos", {"epoch": 3}), ("photos", {"views": 0})):
    try:
        train(data, **settings)
    except EdgetlError as error:
        print(error)
print("tensorflow" in sys.modules)
"""


def run_python(code: str, folder: Path) -> list[str]:
    """The lines that the code prints, run in a process of its own in that folder.

    Nothing is written to stderr: messages are logged, and shown where the user asks for them.
    """
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.slow
def test_three_lines_train_and_export(tmp_path: Path) -> None:
    write_colour_pictures(tmp_path / "photos", ["blue", "red"], 20)
    (printed,) = run_python(THREE_LINES + CLASSIFY, tmp_path)
    path, label = printed.split()
    assert label == "red"
    assert Path(path).parts[0] == "runs"
    assert (tmp_path / path).is_file()
    assert (tmp_path / "runs" / "latest" / "report.html").is_file()


def test_what_is_wrong_is_named_before_tensorflow_is_loaded(tmp_path: Path) -> None:
    write_colour_pictures(tmp_path / "photos", ["blue", "red"], 2)
    data, name, value, loaded = run_python(WRONG, tmp_path)
    assert data.startswith("nowhere: no such file")
    assert name == "train: 'epoch' is not an option; did you mean epochs?"
    assert value == "--views 0 is not between 1 and 1000"
    assert loaded == "False"
    assert not (tmp_path / "runs").exists()
