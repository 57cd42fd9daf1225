"""What a person does in a notebook: train, export and classify from Python."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import write_colour_pictures

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
# Few and small pictures need other settings than real ones.
SMALLER = {
    'train("photos")': (
        'train("photos", image_size=64, epochs=4, head_epochs=2, head_lr=0.01, batch_size=4)'
    ),
    'export(quantize=("int8",))': 'export(quantize=("int8",), max_drop=100)',
}
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
def test_the_lines_in_readme_train_export_and_classify(tmp_path: Path) -> None:
    write_colour_pictures(tmp_path / "photos", ["blue", "red"], 20)
    (tmp_path / "photos" / "red" / "red-00.jpg").rename(tmp_path / "photo.jpg")
    (code,) = re.findall(r"^```python\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    for line, smaller in SMALLER.items():
        assert code.count(f"\n{line}\n") == 1
        code = code.replace(line, smaller)
    printed = run_python(code, tmp_path)
    best, *others = [line.split()[0] for line in printed]
    assert best == "red"
    assert sorted(others) == ["blue", "unknown"]
    assert (tmp_path / "runs/latest/exports/model.int8.tflite").is_file()
    assert (tmp_path / "runs/latest/report.html").is_file()


def test_what_is_wrong_is_named_before_tensorflow_is_loaded(tmp_path: Path) -> None:
    write_colour_pictures(tmp_path / "photos", ["blue", "red"], 2)
    data, name, value, loaded = run_python(WRONG, tmp_path)
    assert data.startswith("nowhere: no such file")
    assert name == "train: 'epoch' is not an option; did you mean epochs?"
    assert value == "--views 0 is not between 1 and 1000"
    assert loaded == "False"
    assert not (tmp_path / "runs").exists()
