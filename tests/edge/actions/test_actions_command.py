"""`edgetl classify` with actions, as it is typed; a camera is a stream on this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import COLOURS, Cli, assert_one_clear_line, colour_picture
from tests.edge.actions.conftest import Hook
from tests.edge.conftest import Stream, until

Serve = Callable[[Stream], str]


@pytest.fixture
def photo(cli: Cli) -> str:
    colour_picture(COLOURS["red"], 1, (40, 30)).save(cli.folder / "red.jpg")
    return "red.jpg"


@pytest.mark.skipif(os.name != "posix", reason="signals and a shell script")
def test_a_camera_s_actions_end_with_it_and_it_does_not_wait_for_them(
    hook: Callable[..., Hook], serve: Serve, cli: Cli, model: Path
) -> None:
    pytest.importorskip("gpiozero")
    server = hook(-1)
    script = cli.folder / "act.sh"
    script.write_text("#!/bin/sh\necho act $EDGETL_LABEL\necho $$ > pid\nsleep 30\n")
    script.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", "--camera", serve(Stream()), "--model",
         str(model), "--format", "jsonl", "--exec", "./act.sh", "--webhook", f"{server.url}?key=1",
         "--gpio", "17=red"],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "GPIOZERO_PIN_FACTORY": "mock"},
    )  # fmt: skip
    assert until(lambda: (cli.folder / "pid").exists() and server.asked)
    time.sleep(0.3)
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=30)
    assert time.monotonic() - began < 4
    assert process.returncode == 143
    # Neither what hangs nor what the program prints is in the way of the results.
    assert len([json.loads(line) for line in stdout.splitlines()]) > 5
    acted, lost = stderr.splitlines()
    assert acted.startswith("act ")
    assert lost.startswith(f"edgetl: {server.name}: ")
    assert lost.endswith("results not delivered")
    with pytest.raises(ProcessLookupError):
        os.kill(int((cli.folder / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--webhook", "host/x"], ["--webhook: not an address"]),
        (["--exec", "no-such-program"], ["--exec: no program no-such-program"]),
        (["--exec", ""], ["--exec: empty"]),
        (["--gpio", "17=cat"], ["--gpio 17=cat", "blue, green, red"]),
        (["--gpio", "40=red"], ["--gpio 40=red", "0 to 27"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_cannot_be_done_is_refused_at_once(
    cli: Cli, model: Path, photo: str, arguments: list[str], words: list[str]
) -> None:
    result = cli.refused("classify", photo, "--model", model, *arguments)
    assert_one_clear_line(result, *words)
