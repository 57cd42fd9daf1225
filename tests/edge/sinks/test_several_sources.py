"""Sinks that are given the results of several sources by turns."""

import io
import json
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from edgetl.edge.errors import SettingError
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.pipeline.build_sinks import broker, build_sinks
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.results.capture_record import read_capture_record
from edgetl.edge.sinks.live import LiveSink
from edgetl.edge.sinks.snapshots import SnapshotSink
from edgetl.edge.sinks.systemd import SystemdSink
from edgetl.edge.system.sd_notify import Manager
from tests.edge.conftest import made_result
from tests.edge.sinks.broker import retained, with_broker

BLUE, GREEN, RED = ([0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8])
CAMERAS: dict[str, Any] = {"camera": ("door=0", "yard=1"), "roi": ("yard/gate=0,0,1,1",)}


@with_broker
def test_each_source_has_a_topic_that_home_assistant_finds(mosquitto: Any, model: Path) -> None:
    port = mosquitto().port
    options = ClassifyOptions(
        **CAMERAS, mqtt=f"mqtt://127.0.0.1:{port}/home", mqtt_discovery=True, on_change=True
    )
    file = read_model_file(model)
    sinks = list(build_sinks(options, file, newest=lambda: file, thresholds=(0.0,) * 3, live=True))
    sink = sinks[-1]
    for frame, row in enumerate((RED, RED, GREEN), 1):
        sink.write(made_result(row, source="door", frame=frame))
        sink.write(made_result(BLUE, source="yard/gate", frame=frame))
    for one in sinks:
        one.close()
    kept = retained(port)
    assert len(kept) == 5
    assert json.loads(kept["home/door"])["label"] == "green"
    # It has not changed since its first frame.
    assert json.loads(kept["home/yard/gate"])["frame"] == 1
    assert kept["home/availability"] == "offline"
    for topic in ("home/door", "home/yard/gate"):
        unique = f"edgetl_{topic.replace('/', '_')}"
        config = json.loads(kept[f"homeassistant/sensor/{unique}/config"])
        assert config["state_topic"] == topic
        assert config["availability_topic"] == "home/availability"


def test_no_source_takes_the_topic_of_availability() -> None:
    options = ClassifyOptions(camera=("a=0", "availability=1"), mqtt="mqtt://host/home")
    with pytest.raises(SettingError, match="give it another name"):
        broker(options)


def test_the_terminal_shows_a_line_for_each_source_in_80_columns() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None)
    sink = LiveSink(console, temperature=Path("none"))
    long = f"{'yard' * 8}/{'gate' * 8}"
    for frame in range(1, 4):
        sink.write(made_result(RED, source="door", frame=frame))
        sink.write(made_result(GREEN, source=long, frame=frame))
        time.sleep(0.02)
    sink.close()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).replace("\r", "")
    door, yard = shown[shown.rindex("door ") :].splitlines()[:2]
    assert re.fullmatch(r"door +red +━\S* +80\.0% +\d+\.\d fps +12\.3 ms *", door)
    assert re.fullmatch(r"yardyard\w*… +green +━\S* +80\.0% +\d+\.\d fps +12\.3 ms *", yard)
    assert len(door) <= 80
    assert len(yard) <= 80


def test_a_picture_of_each_source_is_kept_at_its_own_onset_and_second(
    tmp_path: Path, snapshot_sink: Callable[..., SnapshotSink]
) -> None:
    sink = snapshot_sink(tmp_path, "red>0.5", "changed")
    picture = np.zeros((48, 64, 3), np.uint8)

    def seen(source: str, row: list[float], seconds: float) -> None:
        sink.write(made_result(row, source=source, frame=1, seconds=seconds, picture=picture))

    for seconds in (0.0, 0.2, 2.0, 4.0):
        seen("door", RED, seconds)
        seen("yard", BLUE, seconds + 0.01)
    # Due at once in one of them, and in the other when its second is over.
    seen("door", BLUE, 6.0)
    seen("yard", RED, 6.1)
    seen("door", RED, 6.5)
    seen("yard", RED, 6.6)
    seen("door", RED, 7.2)
    records = [read_capture_record(path) for path in sorted(tmp_path.iterdir())]
    assert [(one.source, one.label, one.time[17:22]) for one in records if one] == [
        ("door", "red", "00.00"), ("yard", "blue", "00.01"), ("door", "blue", "06.00"),
        ("yard", "red", "06.10"), ("door", "red", "07.20"),
    ]  # fmt: skip


def test_systemd_s_status_names_each_source(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgetl.edge.system.sd_notify._STATUS_SECONDS", 0.1)
    address = str(tmp_path / "notify")
    file = read_model_file(model)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address)
        ear.settimeout(5)
        sink = SystemdSink(Manager(address), lambda: file)
        sink.write(made_result(RED, source="yard", frame=1))
        assert "STATUS=red 80%, model " in ear.recv(4096).decode()
        for frame in range(12):
            time.sleep(0.01)
            sink.write(made_result(BLUE, source="door", frame=frame))
        status = ear.recv(4096).decode()
    sha = file.content_sha256[:8]
    assert re.fullmatch(rf"STATUS=door blue 80% \d+\.\d /s, yard red 80%, model {sha}", status)
