"""What `edgetl classify` sends to systemd, received on a real datagram socket."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.system.sd_notify import Manager, manager_from
from tests.edge.conftest import Ear, Stream, write_video

Serve = Callable[[Stream], str]


def _classify(
    camera: Path | str,
    model: Path,
    *options: str,
    stdout: str = os.devnull,
    **environment: str,
) -> subprocess.Popen[str]:
    with Path(stdout).open("w") as results:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "edgetl",
                "classify",
                "--camera",
                camera,
                "--model",
                model,
                *options,
            ],
            env={**os.environ, **environment},
            stdout=results,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "seen.avi"
    write_video(path, [np.full((64, 64, 3), (0, 0, 255), np.uint8)] * 12)
    return path


def test_a_run_says_ready_how_it_goes_and_that_it_stops(ear: Ear, video: Path, model: Path) -> None:
    with _classify(video, model, NOTIFY_SOCKET=ear.name, WATCHDOG_USEC="30000000") as process:
        process.communicate()
    first, *between, last = ear.all_heard()
    assert process.returncode == 0
    assert first["READY"] == "1"
    assert first["WATCHDOG"] == "1"
    assert re.fullmatch(r"red >?\d+%, model [0-9a-f]{8}", first["STATUS"])
    assert last == {"STOPPING": "1"}
    # Twelve frames in a moment: no message each.
    assert len(between) < 4
    assert not any("WATCHDOG" in states for states in between)


def test_a_watchdog_of_another_process_is_not_fed(ear: Ear, video: Path, model: Path) -> None:
    watchdog = {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}
    with _classify(video, model, NOTIFY_SOCKET=ear.name, **watchdog) as process:
        process.communicate()
    heard = ear.all_heard()
    assert heard[0]["READY"] == "1"
    assert not any("WATCHDOG" in states for states in heard)


def test_a_manager_that_is_gone_ends_no_run(tmp_path: Path, video: Path, model: Path) -> None:
    for name in (str(tmp_path / "gone"), "@edgetl-nobody", "/" + "x" * 200):
        with _classify(video, model, NOTIFY_SOCKET=name) as process:
            errors = process.communicate()[1]
        assert process.returncode == 0, errors


def test_a_camera_that_stalls_is_told_by_silence(ear: Ear, serve: Serve, model: Path) -> None:
    stream = Stream(frames=20, fps=20, stalls=True)
    watchdog = {"NOTIFY_SOCKET": ear.name, "WATCHDOG_USEC": "400000"}
    with _classify(serve(stream), model, **watchdog) as process:
        first = ear.heard(within=20)
        assert first
        assert "READY" in first
        while len(stream.sent) < stream.frames:
            time.sleep(0.02)
        time.sleep(0.3)
        alive = [states for states in ear.all_heard() if "WATCHDOG" in states]
        # A second of frames: about ten tenths of a second, and never one a frame.
        assert 3 <= len(alive) <= 10
        # Silent for longer than the watchdog's time, while the process still runs.
        assert ear.heard(within=1) is None
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert ear.heard(within=5) == {"STOPPING": "1"}
    assert process.returncode == 143


@pytest.mark.parametrize("ear", ["path"], indirect=True)
@pytest.mark.parametrize("option", ["--motion", "--every=60"])
def test_frames_that_are_left_out_keep_it_alive(
    ear: Ear, serve: Serve, model: Path, option: str
) -> None:
    stream = Stream(fps=20, picture=lambda number: np.full((48, 64, 3), 90 + number % 2, np.uint8))
    watchdog = {"NOTIFY_SOCKET": ear.name, "WATCHDOG_USEC": "400000"}
    with _classify(serve(stream), model, option, **watchdog) as process:
        first = ear.heard(within=20)
        assert first
        assert "READY" in first
        # The first frame, and with --motion those of the second after it, have results.
        time.sleep(1.6)
        ear.all_heard()
        time.sleep(0.5)
        heard = ear.all_heard()
        assert len(heard) >= 3
        assert all(states == {"WATCHDOG": "1"} for states in heard)
        process.send_signal(signal.SIGTERM)
        assert ear.heard(within=5) == {"STOPPING": "1"}


def test_a_run_whose_results_nobody_keeps_ends_though_systemd_listens(
    ear: Ear, serve: Serve, model: Path
) -> None:
    url = serve(Stream())
    process = _classify(url, model, NOTIFY_SOCKET=ear.name, stdout="/dev/full")
    with process:
        process.wait(20)
    assert process.returncode == 1


@pytest.mark.parametrize("name", ["", "@", "vsock:2:1", "relative"])
def test_what_is_no_socket_of_this_machine_is_no_manager(name: str) -> None:
    assert manager_from({"NOTIFY_SOCKET": name}) is None


@pytest.mark.parametrize("microseconds", ["0", "-5", "soon", ""])
def test_a_watchdog_that_cannot_be_is_none(microseconds: str) -> None:
    environment = {"NOTIFY_SOCKET": "/run/n", "WATCHDOG_USEC": microseconds}
    assert manager_from(environment) == Manager("/run/n", None)


def test_a_line_break_in_a_label_makes_no_state_of_its_own(ear: Ear) -> None:
    manager = manager_from({"NOTIFY_SOCKET": ear.name})
    assert manager
    manager.tell(STATUS="red\nMAINPID=1")
    assert ear.heard(within=1) == {"STATUS": "red MAINPID=1"}
