"""Videos with the labels in the picture."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.errors import SinkError
from edgetl.edge.sinks import video
from edgetl.edge.sinks.video import OwnTime, RealTime, VideoSink
from tests.conftest import COLOURS, Cli, assert_one_clear_line, colour_picture
from tests.edge.conftest import Stream, frame_picture, made_result, write_video
from tests.edge.sinks.videos import frames_of

RED = np.full((48, 64, 3), (200, 20, 20), np.uint8)


def test_a_camera_s_video_plays_as_long_as_it_took(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    sink = VideoSink(path, RealTime())
    # 4 seconds at 30 a second, 4 seconds at 5 a second, then an hour away.
    times = [n / 30 for n in range(120)] + [4 + n / 5 for n in range(20)] + [3600, 3601]
    for seconds in times:
        sink.write(made_result([0, 0, 1], seconds=seconds, picture=RED))
    sink.close()
    frames, rate = frames_of(path)
    assert rate == 15
    assert abs(len(frames) - (8 + 1) * 15) <= 4


def test_a_clock_that_jumps_does_not_fill_the_video() -> None:
    pace = RealTime()
    times = [0, 0.1, -3600, -3599.9, 7200, 7200.1]
    copies = [pace.copies(made_result([1, 0, 0], seconds=seconds)) for seconds in times]
    assert copies == [1, 1, 1, 1, 1, 1]


def test_every_frame_of_a_file_is_in_its_video(cli: Cli, model: Path) -> None:
    pictures = (frame_picture(number) for number in range(40))
    write_video(cli.folder / "clip.avi", pictures, fps=24)
    cli.here("classify", "clip.avi", "--model", model, "--save-video", "out.mp4")
    frames, rate = frames_of(cli.folder / "out.mp4")
    assert (len(frames), rate) == (40, 24)
    assert frames[0].shape == (48, 160, 3)


def test_photos_and_frames_of_other_sizes_are_in_one_video(cli: Cli, model: Path) -> None:
    for number, size in enumerate([(60, 40), (400, 300), (30, 90)]):
        colour_picture(COLOURS["red"], 1, size).save(cli.folder / f"{number}.jpg")
    write_video(cli.folder / "clip.avi", (frame_picture(number) for number in range(4)))
    cli.here("classify", "0.jpg", "1.jpg", "2.jpg", "clip.avi", "--model", model,
        "--save-video", "out.mp4")  # fmt: skip
    frames, rate = frames_of(cli.folder / "out.mp4")
    # Three seconds of photos, and 4 frames at 10 a second.
    assert ([frame.shape for frame in frames], rate) == ([(720, 1280, 3)] * 85, 25)


@pytest.mark.parametrize(
    ("files", "rate", "frames"),
    [
        (["fast.avi", "a.jpg"], 30, 60 + 30),
        (["a.jpg", "fast.avi", "a.jpg"], 25, 25 + 50 + 25),
        (["slow.avi", "fast.avi"], 5, 10 + 10),
        (["fast.avi", "slow.avi", "fast.avi"], 30, 60 + 60 + 60),
    ],
    ids=str,
)
def test_each_file_lasts_as_long_as_by_itself(
    cli: Cli, model: Path, files: list[str], rate: float, frames: int
) -> None:
    # Two seconds each.
    write_video(cli.folder / "fast.avi", map(frame_picture, range(60)), fps=30)
    write_video(cli.folder / "slow.avi", map(frame_picture, range(10)), fps=5)
    colour_picture(COLOURS["red"], 1, (60, 40)).save(cli.folder / "a.jpg")
    cli.here("classify", *files, "--model", model, "--save-video", "out.mp4")
    found, found_rate = frames_of(cli.folder / "out.mp4")
    assert (len(found), found_rate) == (frames, rate)


@pytest.mark.skipif(sys.platform == "win32", reason="no colons in names there")
def test_a_video_with_a_colon_in_its_name_is_written(cli: Cli, model: Path) -> None:
    write_video(cli.folder / "clip.avi", map(frame_picture, range(4)))
    cli.here("classify", "clip.avi", "--model", model, "--save-video", "12:30.mp4")
    (cli.folder / "12:30.mp4").rename(cli.folder / "out.mp4")
    assert len(frames_of(cli.folder / "out.mp4")[0]) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="a name that others do not allow")
def test_a_video_whose_name_is_not_utf_8_is_one_clear_line(cli: Cli, model: Path) -> None:
    write_video(cli.folder / "clip.avi", map(frame_picture, range(4)))
    name = os.fsdecode(b"\xe9.mp4")
    result = cli.here("classify", "clip.avi", "--model", model, "--save-video", name, check=2)
    assert_one_clear_line(result, r"\udce9.mp4: ", "not UTF-8", "give another")
    assert [path.name for path in cli.folder.iterdir()] == ["clip.avi"]


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_video_can_be_played_after_a_signal(cli: Cli, model: Path, serve, name: str) -> None:
    url = serve(Stream(fps=30))
    process = subprocess.Popen(
        [sys.executable, "-m", "edgetl", "classify", "--camera", url, "--model", str(model),
         "--save-video", "out.mp4"],
        cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    for _ in range(60):
        assert process.stdout.readline()
    began = time.monotonic()
    process.send_signal(getattr(signal, name))
    process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    frames, _ = frames_of(cli.folder / "out.mp4")
    assert 20 <= len(frames) <= 90


def test_a_full_disk_ends_a_video_that_can_be_played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.mp4"
    sink = VideoSink(path, OwnTime())
    for frame in range(1, 6):
        sink.write(made_result([0, 0, 1], frame=frame, picture=RED))
    free = shutil.disk_usage(tmp_path)._replace(free=video._FREE_BYTES - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(SinkError, match=r"out\.mp4: only 64 MB of the disk are free"):
        sink.write(made_result([0, 0, 1], frame=6, picture=RED))
    sink.close()
    assert len(frames_of(path)[0]) == 5


_LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from edgetl.cli import main
sys.argv = ["edgetl", *sys.argv[1:]]
main()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_FSIZE")
def test_a_video_that_could_not_be_finished_is_named(cli: Cli, model: Path) -> None:
    random = np.random.default_rng(1)
    noise = (random.integers(0, 255, (240, 320, 3), np.uint8) for _ in range(30))
    write_video(cli.folder / "clip.avi", noise)
    result = subprocess.run(
        [sys.executable, "-c", _LIMITED, "classify", "clip.avi", "--model", str(model),
         "--save-video", "out.mp4"],
        cwd=cli.folder, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 1
    assert "edgetl: out.mp4: could not be finished and cannot be played" in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stdout.splitlines()) == 30


@pytest.mark.parametrize(
    ("name", "words"),
    [("old.mp4", "is there already"), ("new.avi", ".mp4"), ("gone/new.mp4", "no such file")],
)
def test_a_video_that_cannot_be_made_is_one_clear_line(
    cli: Cli, model: Path, name: str, words: str
) -> None:
    (cli.folder / "old.mp4").write_text("older")
    result = cli.refused("classify", "a.jpg", "--model", model, "--save-video", name)
    assert_one_clear_line(result, f"{name}: ", words)
    assert (cli.folder / "old.mp4").read_text() == "older"
