"""`edgetl review` as it is typed."""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.conftest import Cli, assert_one_clear_line
from tests.edge.review.kept import keep


def answer(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"X-Edgetl": "1"})
    with urllib.request.urlopen(request, timeout=10) as found:
        return json.load(found)


def test_what_was_done_and_what_to_type_next_is_said_at_the_end(tmp_path: Path) -> None:
    for number in range(4):
        keep(tmp_path / "seen", number, [("cat", 0.6)], scene=number)
    (tmp_path / "seen" / "broken.jpg").write_bytes(b"none")
    (tmp_path / "runs" / "one").mkdir(parents=True)
    for name in ("a.tflite", "b.tflite"):
        (tmp_path / name).touch()
    (tmp_path / "runs" / "latest").symlink_to("one")
    command = [sys.executable, "-m", "edgetl", "review", "seen", "--into", "my photos",
               "--preview", "127.0.0.1:0"]  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr
            # Why none is used, so that a person can choose one.
            said = process.stderr.readline()
            assert said.startswith("several models here (a.tflite, b.tflite); choose one with ")
            assert said.endswith(
                "; until then a class is suggested by what a picture says of itself\n"
            )
            found = re.fullmatch(r"review: (http://127\.0\.0\.1:\d+/)\n", process.stderr.readline())
            assert found
            url = found[1]
            ends = time.monotonic() + 10
            while "run" not in (state := answer(f"{url}state")):
                assert time.monotonic() < ends
            asked = {"run": state["run"], "do": "sort", "classes": {"cat": [0, 2]}}
            assert answer(f"{url}change", asked)["left"] == 2
            answer(f"{url}change", {"run": state["run"], "do": "discard", "pictures": [1]})
            process.send_signal(signal.SIGINT)
            stdout, stderr = process.communicate(timeout=10)
        finally:
            process.kill()
    assert stdout == "cat  2\ndiscarded  1\nleft  1\n"
    assert "broken.jpg: not a picture" in stderr
    assert stderr.endswith("next    edgetl train 'my photos' --from runs/latest\n")
    assert process.returncode == 0
    assert len(list((tmp_path / "my photos" / "cat").glob("*.jpg"))) == 2


def test_refusals(cli: Cli, tmp_path: Path) -> None:
    assert_one_clear_line(cli.refused("review", "gone", "--into", "photos"), "gone: no such folder")
    assert_one_clear_line(cli.refused("review", "gone"), "--into")
    (tmp_path / "seen").mkdir()
    assert_one_clear_line(cli.refused("review", "seen", "--into", "seen/x"), "lies in the other")
    assert_one_clear_line(cli.refused("review", "-x:y", "--into", "p"), "no such option")
    assert_one_clear_line(cli.refused("review", "pi@h:*", "--into", "p"), "not a plain path")
    nothing = cli.here("review", "seen", "--into", "photos")
    assert nothing.stderr == "seen: no pictures to review\n"
    keep(tmp_path / "seen", 1, [("cat", 0.6)])
    refused = cli.refused("review", "seen", "--into", "photos", "--model", "gone.tflite")
    assert_one_clear_line(refused, "gone.tflite")
    (tmp_path / "file").write_text("x")
    assert_one_clear_line(cli.refused("review", "file", "--into", "photos"), "file: a file")
