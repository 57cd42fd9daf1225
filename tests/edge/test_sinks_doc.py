"""What docs/sinks.md says to type, typed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import COLOURS, Cli, colour_picture
from tests.edge.conftest import frame_picture, write_video
from tests.edge.sinks.broker import with_broker
from tests.edge.sinks.conftest import mosquitto  # noqa: F401 - a fixture
from tests.third_party import LABELS

DOC = (Path(__file__).parents[2] / "docs" / "sinks.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```bash\n(.*?)^```", DOC, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
    if line.startswith("edgetl")
]
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```", DOC, re.DOTALL | re.MULTILINE)


@pytest.fixture
def folder(cli: Cli, third_party_models: Path) -> Path:
    """Photos, a video in place of a camera, and the only model there."""
    (cli.folder / "photos").mkdir()
    for label in LABELS:
        colour_picture(COLOURS[label], 3, (60, 40)).save(cli.folder / "photos" / f"{label}.jpg")
    red = (frame_picture(0) + COLOURS["red"][::-1]).astype("uint8")
    write_video(cli.folder / "camera.avi", [red] * 3)
    shutil.copy(third_party_models / "described.tflite", cli.folder / "model.tflite")
    return cli.folder


def typed(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    line = line.replace("--camera 0", "--camera camera.avi").replace("cat", "red")
    line = line.replace("edgetl ", f"{sys.executable} -m edgetl ", 1)
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="a shell")
@pytest.mark.parametrize(
    "line", [line for line in COMMANDS if "--mqtt" not in line and "--window" not in line]
)
def test_each_command_works(folder: Path, line: str) -> None:
    before = set(folder.iterdir())
    result = typed(line, folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout or set(folder.iterdir()) - before


@with_broker
def test_the_mqtt_command_works(folder: Path, mosquitto) -> None:  # noqa: F811
    (line,) = [line for line in COMMANDS if "--mqtt" in line]
    result = typed(line.replace("broker.local", f"127.0.0.1:{mosquitto().port}"), folder)
    assert (result.returncode, len(result.stderr.splitlines())) == (0, 2), result.stderr


def test_a_sink_of_one_s_own_works(folder: Path) -> None:
    assert len([line for line in EXAMPLE.split("class")[1].splitlines() if line]) < 15
    result = subprocess.run(
        [sys.executable, "-c", EXAMPLE.replace('"cat"', '"red"')],
        cwd=folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.stdout.splitlines() == ["a cat: photos/red.jpg", "closed"], result.stderr


def test_every_option_of_the_sinks_is_documented(cli: Cli) -> None:
    shown = cli.here("classify", "--help-all").stdout
    options = (
        "--output --smooth --threshold --on-change --mqtt --mqtt-discovery --save-video "
        "--snapshots --keep --snapshots-limit --window"
    )
    for option in options.split():
        assert option in shown
        assert option in DOC
