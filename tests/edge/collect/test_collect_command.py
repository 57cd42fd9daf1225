"""`edgetl collect` without a page, and what it refuses."""

import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import model_input
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.conftest import Stream, frame_number, frame_picture, write_video

SIZE = InputSize(*frame_picture(0).shape[:2])


def numbers(folder: Path) -> list[int]:
    return [frame_number(model_input(path, SIZE)) for path in sorted(folder.glob("*.jpg"))]


def test_a_video_gives_a_photo_each_so_many_of_its_seconds(cli: Cli, tmp_path: Path) -> None:
    write_video(tmp_path / "clip.avi", [frame_picture(n) for n in range(50)], fps=10)
    result = cli("collect", "photos", "--camera", "clip.avi", "--class", "open", "--every", "0.5")
    assert numbers(tmp_path / "photos" / "open") == list(range(0, 50, 5))
    assert result.stdout == "open  10\n"
    assert "10 photos of open saved" in result.stderr


def test_a_stream_gives_as_many_photos_as_asked_for(
    cli: Cli, tmp_path: Path, serve: Callable[[Stream], str]
) -> None:
    url = serve(Stream(fps=20))
    result = cli("collect", "photos", "--camera", url, "--class", "none", "--every", "0.3",
                 "--count", "4")  # fmt: skip
    found = numbers(tmp_path / "photos" / "none")
    assert len(found) == 4
    assert min(later - sooner for sooner, later in pairwise(found)) >= 4
    assert result.stdout == "none  4\n"


def test_the_page_is_served_until_ctrl_c(tmp_path: Path, serve: Callable[[Stream], str]) -> None:
    command = [sys.executable, "-m", "edgetl", "collect", "photos", "--camera", serve(Stream()),
               "--classes", "open,closed", "--preview", "127.0.0.1:0"]  # fmt: skip
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stderr
            line = process.stderr.readline()
            found = re.fullmatch(r"collect: (http://127\.0\.0\.1:\d+/)\n", line)
            assert found, line
            ends = time.monotonic() + 10
            while time.monotonic() < ends:
                with urllib.request.urlopen(f"{found[1]}frame?after=0", timeout=10) as answer:
                    if answer.status == 200:
                        break
            else:
                raise AssertionError("there is no live picture")
            process.send_signal(signal.SIGINT)
            stdout, _ = process.communicate(timeout=10)
        finally:
            process.kill()
    assert stdout == "open  0\nclosed  0\n"
    assert process.returncode == 0


def test_refusals(cli: Cli, tmp_path: Path) -> None:
    write_video(tmp_path / "clip.avi", [frame_picture(1)] * 3)
    clip = ("--camera", "clip.avi")
    refused = cli.refused("collect", "photos", *clip, "--every", "2")
    assert_one_clear_line(refused, "--every", "--class LABEL")
    refused = cli.refused("collect", "photos", *clip, "--class", "a,b")
    assert_one_clear_line(refused, "--class a,b", "one class")
    refused = cli.refused("collect", "photos", *clip, "--classes", "a,.b")
    assert_one_clear_line(refused, ".b", "no name for a folder")
    refused = cli.refused("collect", "photos", *clip, "--class", "a", "--preview", "0.0.0.0:1")
    assert_one_clear_line(refused, "--class and --preview")
    (tmp_path / "file").write_text("x")
    refused = cli.refused("collect", "file", *clip, "--class", "a")
    assert_one_clear_line(refused, "file", "choose another folder")
    refused = cli.refused("collect", "photos", "--camera", "gone.mp4", "--class", "a")
    assert_one_clear_line(refused, "gone.mp4")
