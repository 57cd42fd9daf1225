"""The window on a desktop."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgetl.edge.errors import SinkError
from edgetl.edge.sinks import window
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.conftest import Stream
from tests.edge.sinks.videos import frames_of


def test_without_a_display_the_window_is_one_clear_line(cli: Cli, model: Path) -> None:
    result = cli("classify", "a.jpg", "--model", model, "--window", check=2, DISPLAY="",
                 WAYLAND_DISPLAY="")  # fmt: skip
    assert_one_clear_line(result, "--window", "no display")


def test_a_display_that_never_answers_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        # A display's number is its port's distance from 6000.
        display = f"127.0.0.1:{server.getsockname()[1] - 6000}"
        monkeypatch.setenv("DISPLAY", display)
        monkeypatch.setattr(window, "_SECONDS", 2)
        with pytest.raises(SinkError, match=f"{display} did not open a window within 2 seconds"):
            window.WindowSink()


@pytest.fixture
def server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A display's name, and its process."""
    if not shutil.which("Xvfb") or not shutil.which("xdotool"):
        pytest.skip("Xvfb and xdotool are not installed")
    read, write = os.pipe()
    # By default a server starts again when its last client leaves, and throws out who comes in
    # that moment.
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-noreset", "-screen", "0", "800x600x24"],
        pass_fds=[write], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as numbers:
        yield f":{numbers.readline().strip()}", process
    process.terminate()
    process.wait()


@pytest.fixture
def display(server: tuple[str, subprocess.Popen[bytes]]) -> str:
    return server[0]


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_a_key_in_the_window_ends_the_run(
    cli: Cli, model: Path, serve, display: str, key: str
) -> None:
    url = serve(Stream(fps=30))
    environment = {**os.environ, "DISPLAY": display}
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", "--camera", url, "--model", str(model),
         "--window"],
        cwd=cli.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for _ in range(10):
        if not process.stdout.readline():
            pytest.fail(f"ended before a key was pressed: {process.communicate()[1]}")
    command = ["xdotool", "search", "--name", "^edgetl$"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20)
    (window,) = found.stdout.split()
    # Without a window manager nothing has the focus until it is given.
    subprocess.run(
        ["xdotool", "windowfocus", "--sync", window, "key", key], env=environment, timeout=20
    )
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 0
    assert len(stderr.splitlines()) == 1
    assert " classified, median " in stderr


def test_a_display_that_goes_away_takes_no_other_sink_along(
    cli: Cli, model: Path, serve, server: tuple[str, subprocess.Popen[bytes]]
) -> None:
    name, display = server
    url = serve(Stream(fps=30, frames=240))
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", "--camera", url, "--model", str(model),
         "--window", "--save-video", "out.mp4", "--no-reconnect"],
        cwd=cli.folder, env={**os.environ, "DISPLAY": name}, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for _ in range(30):
        process.stdout.readline()
    display.kill()
    stdout, stderr = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "edgetl: --window: its display is gone" in stderr.splitlines()
    assert len(stdout.splitlines()) > 60
    assert len(frames_of(cli.folder / "out.mp4")[0]) > 45
