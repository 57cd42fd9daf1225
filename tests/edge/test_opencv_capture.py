"""Videos whose names OpenCV cannot be given as they are."""

import json
import os
import sys
from pathlib import Path

import pytest

from tests.conftest import COLOURS, Cli, assert_one_clear_line, colour_picture
from tests.edge.conftest import frame_picture, write_video

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names that others do not allow")

NOT_UTF8 = os.fsdecode(b"\xe9.avi")


def test_a_video_whose_name_is_not_utf_8_is_a_problem_and_the_rest_goes_on(
    cli: Cli, model: Path
) -> None:
    write_video(cli.folder / "clip.mkv", map(frame_picture, range(2))).rename(cli.folder / NOT_UTF8)
    colour_picture(COLOURS["red"], 1, (60, 40)).save(cli.folder / "a.jpg")
    result = cli("classify", NOT_UTF8, "a.jpg", "--model", model, check=1)
    assert result.stderr.splitlines()[0] == (
        r"edgetl: \udce9.avi: its name is not UTF-8, so OpenCV cannot open it; rename it"
    )
    assert result.stdout.startswith("a.jpg  red ")


def test_the_password_of_a_stream_whose_url_is_not_utf_8_is_not_told(cli: Cli, model: Path) -> None:
    url = f"rtsp://pi:secret@127.0.0.1:9/{NOT_UTF8}"
    result = cli("classify", "--camera", url, "--model", model, check=2)
    assert_one_clear_line(result, "the stream: ", "not UTF-8")
    assert "secret" not in result.stderr


@pytest.mark.parametrize("name", ["12:00.mkv", "2025-01-01T12:00:00.mkv", "http:1.mkv"])
@pytest.mark.parametrize("option", [[], ["--camera"]], ids=["file", "camera"])
def test_a_video_with_a_colon_in_its_name_is_read(
    cli: Cli, model: Path, name: str, option: list[str]
) -> None:
    write_video(cli.folder / "clip.mkv", map(frame_picture, range(3))).rename(cli.folder / name)
    result = cli("classify", *option, name, "--model", model, "--format", "jsonl")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["source"], row["frame"]) for row in rows] == [(name, n) for n in (1, 2, 3)]


def test_a_video_is_read_in_a_folder_whose_name_is_not_utf_8(tmp_path: Path, model: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xe9")
    folder.mkdir()
    write_video(tmp_path / "clip.mkv", map(frame_picture, range(3))).rename(folder / "12:00.mkv")
    result = Cli(folder)("classify", "12:00.mkv", "--model", model)
    assert len(result.stdout.splitlines()) == 3
