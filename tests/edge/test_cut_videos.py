"""A video that ends well before its time is a problem, and one without pictures says why."""

import json
import struct
from pathlib import Path

import pytest

from edgetl.edge.sources.files import Problem, files
from tests.conftest import Cli
from tests.edge.conftest import frame_picture, write_rotated_video, write_video


def items(path: Path) -> tuple[int, list[str]]:
    """How many frames there are, and the problems."""
    found = list(files([str(path)]))
    problems = [one.message for one in found if isinstance(one, Problem)]
    return len(found) - len(problems), problems


@pytest.mark.parametrize("name", ["clip.avi", "clip.mkv", "clip.mp4"])
def test_a_whole_video_is_no_problem(tmp_path: Path, name: str) -> None:
    pictures = map(frame_picture, range(40))
    if name.endswith("mp4"):
        write_rotated_video(tmp_path / name, pictures, 0)
    else:
        write_video(tmp_path / name, pictures)
    assert items(tmp_path / name) == (40, [])


@pytest.mark.parametrize("name", ["clip.avi", "clip.mkv"])
@pytest.mark.parametrize("arguments", [[], ["--camera"]], ids=["file", "camera"])
def test_a_video_that_was_not_copied_whole_is_a_problem(
    cli: Cli, third_party_models: Path, name: str, arguments: list[str]
) -> None:
    path = write_video(cli.folder / name, map(frame_picture, range(40)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    model = ["--model", third_party_models / "described.tflite", "--format", "jsonl"]
    result = cli.here("classify", *arguments, name, *model, check=1)
    shown = [json.loads(line)["frame"] for line in result.stdout.splitlines()]
    assert shown == list(range(1, len(shown) + 1))
    assert 10 < len(shown) < 30
    line = result.stderr.splitlines()[0]
    assert line.startswith(f"edgetl: {name}: ends after ")
    assert f" of 4.0 s, frame {len(shown)} of 40; it is damaged, or was not copied whole" in line


def test_an_mp4_whose_pictures_are_gone_from_the_middle_on_is_a_problem(tmp_path: Path) -> None:
    path = write_rotated_video(tmp_path / "clip.mp4", map(frame_picture, range(40)), 0)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat")
    middle = start + (content.index(b"moov") - start) // 2
    content[middle : content.index(b"moov") - 4] = bytes(content.index(b"moov") - 4 - middle)
    path.write_bytes(content)
    frames, problems = items(path)
    assert frames < 36
    assert len(problems) == 1
    assert " of 4.0 s, frame " in problems[0]


def test_a_trimmed_video_is_whole(tmp_path: Path) -> None:
    # As a phone trims one: an edit list shows a part of what is there.
    path = write_rotated_video(tmp_path / "clip.mp4", map(frame_picture, range(40)), 0)
    content = bytearray(path.read_bytes())
    (scale,) = struct.unpack_from(">I", content, content.index(b"mvhd") + 16)
    shown = 2 * scale
    struct.pack_into(">I", content, content.index(b"tkhd") + 24, shown)
    struct.pack_into(">I", content, content.index(b"elst") + 12, shown)
    path.write_bytes(content)
    frames, problems = items(path)
    assert 18 <= frames <= 22
    assert problems == []


def test_a_video_whose_codec_is_not_known_says_so(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", map(frame_picture, range(5)))
    path.write_bytes(path.read_bytes().replace(b"MJPG", b"QQQQ"))
    frames, problems = items(path)
    assert frames == 0
    assert len(problems) == 1
    assert "convert it: ffmpeg" in problems[0] or "cannot be opened" in problems[0]
