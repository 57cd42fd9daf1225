"""The newest result in a terminal."""

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from edgetl.edge.sinks.live import LiveSink
from tests.conftest import Cli
from tests.edge.conftest import Stream, made_result


def test_the_live_view_shows_bars_and_figures(tmp_path: Path) -> None:
    temperature = tmp_path / "temp"
    temperature.write_text("48250\n")
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None)
    sink = LiveSink(console, temperature=temperature)
    for frame in range(1, 4):
        sink.write(made_result([0.1, 0.2, 0.7], frame=frame))
        time.sleep(0.05)
    unsure = replace(made_result([0.1, 0.5, 0.4], frame=4), confident=False)
    sink.write(unsure)
    sink.close()
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())
    last = shown[shown.rindex("camera 0") :]
    assert re.match(r"camera 0  frame 4  \d+\.\d fps  12\.3 ms  48 °C\s", last)
    assert last.splitlines()[1].strip() == "unsure"
    assert [line.split()[0] for line in last.splitlines()[2:5]] == ["green", "red", "blue"]
    assert "50.0%" in last
    assert screen.getvalue().rstrip().endswith("\x1b[?25h"), "the cursor is not shown again"


def in_terminal(command: list[str], folder: Path, *, until: Callable[[str], Any]) -> str:
    """What a command shows in a terminal until a condition holds and Ctrl-C is typed."""
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        command, cwd=folder, stdin=inside, stdout=inside, stderr=inside, start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
    )  # fmt: skip
    os.close(inside)
    shown, interrupted, deadline = "", False, time.monotonic() + 60
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 65536).decode(errors="replace")
            except OSError:
                break
        if not interrupted and until(shown):
            process.send_signal(signal.SIGINT)
            interrupted = True
    assert process.wait(timeout=10) == 130
    os.close(terminal)
    return shown


@pytest.mark.skipif(os.name != "posix", reason="a pseudoterminal")
@pytest.mark.parametrize("options", [[], ["--output", "log.csv"]], ids=["alone", "output"])
def test_a_camera_in_a_terminal_is_shown_live(
    cli: Cli, model: Path, serve, options: list[str]
) -> None:
    url = serve(Stream(fps=30))
    command = [sys.executable, "-m", "edgetl", "classify", "--camera", url, "--model", str(model)]
    shown = in_terminal([*command, *options], cli.folder, until=lambda text: text.count("fps") > 5)
    assert "\x1b[?25l" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("fps")
    assert "Traceback" not in shown
    assert {"blue", "green", "red"} <= set(re.findall(r"[a-z]+", shown))
    if options:
        assert (cli.folder / "log.csv").read_text().endswith("\n")


@pytest.mark.skipif(os.name != "posix", reason="a pseudoterminal")
def test_changes_and_records_scroll_in_a_terminal_as_lines(cli: Cli, model: Path, serve) -> None:
    url = serve(Stream(fps=30))
    command = [sys.executable, "-m", "edgetl", "classify", "--camera", url, "--model", str(model)]
    shown = in_terminal([*command, "--on-change"], cli.folder, until=lambda text: "frame" in text)
    assert "\x1b[?25l" not in shown
