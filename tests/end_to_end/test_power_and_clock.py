"""A machine that was just switched on, or is switched off: its clock, and what signals leave."""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Cli, small_run, write_colour_pictures

# A Raspberry Pi before it has heard of the time. Only of a day, since a training takes some.
_IN_1970 = """
import time
_now, _localtime, _gmtime = time.time, time.localtime, time.gmtime
_offset = _now() - 3600
time.time = lambda: _now() - _offset
time.localtime = lambda seconds=None: _localtime(time.time() if seconds is None else seconds)
time.gmtime = lambda seconds=None: _gmtime(time.time() if seconds is None else seconds)
"""


@pytest.mark.slow
def test_a_run_is_trained_exported_and_measured_in_1970(cli: Cli) -> None:
    write_colour_pictures(cli.folder / "photos", ["blue", "red"], 12)
    for path in (cli.folder / "photos").rglob("*.jpg"):
        os.utime(path, (0, 0))
    (cli.folder / "clock").mkdir()
    (cli.folder / "clock" / "sitecustomize.py").write_text(_IN_1970)
    paths = os.pathsep.join([str(cli.folder / "clock"), os.environ.get("PYTHONPATH", "")])
    cli("train", "photos", "--out", "run", *small_run(), PYTHONPATH=paths)
    cli("export", "run", "--quantize", "none", "--max-drop", "100", PYTHONPATH=paths)
    picture = next((cli.folder / "photos" / "red").iterdir())
    (model,) = (cli.folder / "run" / "exports").glob("*.tflite")
    seen = cli("classify", picture, "--model", model, "--format", "jsonl", PYTHONPATH=paths)
    assert '"label": ' in seen.stdout


def test_a_keras_file_is_written_in_1970(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    from edgetl.trainer.run.keras_file import save_keras

    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2)])
    epoch = time.gmtime(0)
    monkeypatch.setattr(time, "localtime", lambda *_: epoch)
    with pytest.raises(ValueError, match="before 1980"):
        model.save(tmp_path / "keras.keras")
    save_keras(model, tmp_path / "ours.keras")
    pixels = np.ones((1, 3), np.float32)
    loaded = keras.models.load_model(tmp_path / "ours.keras")
    np.testing.assert_array_equal(loaded(pixels), model(pixels))


def processes(mark: str) -> list[str]:
    """The commands of all processes that have `mark` in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


@pytest.fixture
def run(two_class_run: Path, tmp_path: Path) -> Path:
    """A run of the test's own, since what is interrupted writes into it."""
    copy: Path = shutil.copytree(two_class_run, tmp_path / "signalled")
    return copy


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.parametrize(
    ("command", "children"),
    [
        (["train", "{photos}", "--out", "other", *small_run()], 0),
        (["export", "{run}", "--quantize", "int8", "--max-drop", "100"], 1),
        (["benchmark", "{run}"], 1),
    ],
    ids=["train", "export", "benchmark"],
)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_leaves_no_process_and_no_temporary_file(
    run: Path,
    two_class_data: Path,
    tmp_path: Path,
    command: list[str],
    children: int,
    number: int,
    status: int,
) -> None:
    mark = uuid.uuid4().hex
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    words = [word.format(run=run, photos=two_class_data) for word in command]
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", *words],
        cwd=tmp_path, env={**os.environ, "TMPDIR": str(temporary), "EDGETL_TEST": mark},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while len(processes(mark)) <= children and time.monotonic() < deadline:
        time.sleep(0.1)
    if not children:
        time.sleep(4)
    assert len(processes(mark)) == 1 + children
    assert process.poll() is None
    process.send_signal(number)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == status
    assert "Traceback" not in stderr
    # One that was only being started ends by itself, once it has read that its pipe is closed.
    deadline = time.monotonic() + 30
    while processes(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes(mark) == []
    assert list(temporary.iterdir()) == []
