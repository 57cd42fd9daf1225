"""Sinks that show or keep pictures: drawing, video, snapshots, a window, a terminal."""

import io
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from edgetl.edge.errors import SettingError, SinkError
from edgetl.edge.results.annotate import annotated, shown_size
from edgetl.edge.results.condition import parse_condition
from edgetl.edge.sinks import video, window
from edgetl.edge.sinks.live import LiveSink
from edgetl.edge.sinks.snapshots import SnapshotSink
from edgetl.edge.sinks.video import OwnTime, RealTime, VideoSink
from tests.conftest import COLOURS, Cli, assert_one_clear_line, colour_picture
from tests.edge.conftest import LABELS, Stream, frame_picture, made_result, write_video

RED = np.full((48, 64, 3), (200, 20, 20), np.uint8)


@pytest.fixture
def model(foreign_models: Path) -> Path:
    return foreign_models / "described.tflite"


# Drawing


def test_the_label_and_bars_are_drawn_on_a_copy() -> None:
    picture = np.full((480, 640, 3), (200, 20, 20), np.uint8)
    result = made_result([0.1, 0.2, 0.7], picture=picture)
    shown = annotated(result)
    assert (shown.shape, shown.dtype) == (picture.shape, np.uint8)
    assert (picture == (200, 20, 20)).all()
    assert (shown[:300] == (200, 20, 20)).all()
    # The best class's bar is lighter than what is beside it, and as long as it is probable.
    row = shown[440:470].astype(int).mean(axis=(0, 2))
    assert (shown[-150:] > 240).all(axis=2).any(), "no text was drawn"
    assert row.max() - row.min() > 20


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 500, 3), (500, 3, 3), (31, 47, 3)])
@pytest.mark.parametrize("label", ["é 写 🐈", "x" * 300, "a\nb"], ids=["other", "long", "lines"])
def test_any_picture_and_label_can_be_drawn(shape: tuple[int, ...], label: str) -> None:
    result = made_result([1, 0, 0], picture=np.zeros(shape, np.uint8), labels=[label, "b", "c"])
    height, width = annotated(result).shape[:2]
    assert height % 2 == width % 2 == 0


def test_a_picture_of_another_size_gets_black_bars() -> None:
    shown = annotated(made_result([1, 0, 0], picture=RED), size=(240, 640))
    assert shown.shape == (240, 640, 3)
    assert (shown[0, :160] == 0).all()
    assert (shown[0, 320] == (200, 20, 20)).all()


def test_a_large_frame_is_shown_smaller_and_a_file_at_one_size(tmp_path: Path) -> None:
    assert shown_size(np.zeros((3000, 4000, 3), np.uint8)) == (1440, 1920)
    photo = tmp_path / "a.jpg"
    Image.fromarray(RED).save(photo)
    assert annotated(made_result([1, 0, 0], picture=photo)).shape == (720, 1280, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="the font comes with OpenCV on Linux")
def test_labels_may_have_accents() -> None:
    def drawn(label: str) -> np.ndarray:
        picture = np.zeros((240, 320, 3), np.uint8)
        return annotated(made_result([1, 0, 0], picture=picture, labels=[label, "b", "c"]))

    # What a font lacks, it draws as the same box.
    assert (drawn("ä") != drawn("é")).any()


# Video


def frames_of(path: Path) -> tuple[list[np.ndarray], float]:
    capture = cv2.VideoCapture(str(path))
    rate, frames = capture.get(cv2.CAP_PROP_FPS), []
    while True:
        read, frame = capture.read()
        if not read:
            return frames, rate
        frames.append(frame)


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
    cli("classify", "clip.avi", "--model", model, "--save-video", "out.mp4")
    frames, rate = frames_of(cli.folder / "out.mp4")
    assert (len(frames), rate) == (40, 24)
    assert frames[0].shape == (48, 160, 3)


def test_photos_and_frames_of_other_sizes_are_in_one_video(cli: Cli, model: Path) -> None:
    for number, size in enumerate([(60, 40), (400, 300), (30, 90)]):
        colour_picture(COLOURS["red"], 1, size).save(cli.folder / f"{number}.jpg")
    write_video(cli.folder / "clip.avi", (frame_picture(number) for number in range(4)))
    cli("classify", "0.jpg", "1.jpg", "2.jpg", "clip.avi", "--model", model,
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
    cli("classify", *files, "--model", model, "--save-video", "out.mp4")
    found, found_rate = frames_of(cli.folder / "out.mp4")
    assert (len(found), found_rate) == (frames, rate)


@pytest.mark.skipif(sys.platform == "win32", reason="no colons in names there")
def test_a_video_with_a_colon_in_its_name_is_written(cli: Cli, model: Path) -> None:
    write_video(cli.folder / "clip.avi", map(frame_picture, range(4)))
    cli("classify", "clip.avi", "--model", model, "--save-video", "12:30.mp4")
    (cli.folder / "12:30.mp4").rename(cli.folder / "out.mp4")
    assert len(frames_of(cli.folder / "out.mp4")[0]) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="a name that others do not allow")
def test_a_video_whose_name_is_not_utf_8_is_one_clear_line(cli: Cli, model: Path) -> None:
    write_video(cli.folder / "clip.avi", map(frame_picture, range(4)))
    name = os.fsdecode(b"\xe9.mp4")
    result = cli("classify", "clip.avi", "--model", model, "--save-video", name, check=2)
    assert_one_clear_line(result, r"\udce9.mp4: ", "not UTF-8", "give another")
    assert names(cli.folder) == ["clip.avi"]


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
    assert time.monotonic() - began < 1.5
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
    with pytest.raises(SinkError, match=r"out\.mp4: the disk is full but for 64 MB"):
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
    result = cli("classify", "a.jpg", "--model", model, "--save-video", name, check=2)
    assert_one_clear_line(result, f"{name}: ", words)
    assert (cli.folder / "old.mp4").read_text() == "older"


# Snapshots


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_picture_is_kept_when_the_condition_comes_to_hold(tmp_path: Path) -> None:
    sink = SnapshotSink(tmp_path / "new" / "seen", parse_condition("red>0.9", LABELS))
    seen = [(0, 0.5), (1, 0.95), (2, 0.99), (3, 0.9), (3.3, 0.91), (4.5, 0.2), (4.6, 0.95),
            (4.7, 0.1), (4.8, 0.97), (5.7, 0.99)]  # fmt: skip
    for frame, (seconds, share) in enumerate(seen, 1):
        shares = [1 - share, 0, share]
        sink.write(made_result(shares, seconds=seconds, frame=frame, picture=RED))
    sink.close()
    # 4.8 comes too soon after 4.6; it still holds at 5.7.
    assert names(tmp_path / "new" / "seen") == [
        "20250309T120001.000Z-red.jpg", "20250309T120003.300Z-red.jpg",
        "20250309T120004.600Z-red.jpg", "20250309T120005.700Z-red.jpg",
    ]  # fmt: skip
    kept = np.asarray(Image.open(tmp_path / "new" / "seen" / "20250309T120001.000Z-red.jpg"))
    assert abs(kept.astype(int) - RED).max() < 12


def test_the_oldest_go_first_and_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "20250101T000000.000Z-red.jpg").write_bytes(bytes(600_000))
    (tmp_path / "20250102T000000.000Z-red.jpg").write_bytes(bytes(300_000))
    (tmp_path / "2024.jpg").write_bytes(bytes(2_000_000))
    noise = np.random.default_rng(1).integers(0, 255, (400, 400, 3), np.uint8)
    sink = SnapshotSink(tmp_path, parse_condition("red>0.9", LABELS), limit_mb=1)
    largest = 0
    for number in range(20):
        sink.write(made_result([0, 0, 1], seconds=10 * number, frame=1, picture=noise))
        sink.write(made_result([1, 0, 0], seconds=10 * number + 5, frame=2, picture=noise))
        ours = [path for path in tmp_path.iterdir() if path.name != "2024.jpg"]
        largest = max(largest, sum(path.stat().st_size for path in ours))
        if number == 0:
            assert names(tmp_path)[:2] == ["2024.jpg", "20250102T000000.000Z-red.jpg"]
    assert 500_000 < largest <= 1_000_000
    assert names(tmp_path)[0] == "2024.jpg"
    assert names(tmp_path)[-1] == "20250309T120310.000Z-red.jpg"
    # What an earlier run left counts too.
    sink = SnapshotSink(tmp_path, parse_condition("red>0.9", LABELS), limit_mb=0.1)
    with pytest.raises(SinkError, match="--snapshots-limit"):
        sink.write(made_result([0, 0, 1], seconds=900, picture=noise))
    assert not [name for name in names(tmp_path) if name.startswith(".part")]


def test_a_file_is_kept_as_it_is(cli: Cli, model: Path) -> None:
    for label in LABELS:
        colour_picture(COLOURS[label], 1, (60, 40)).save(cli.folder / f"{label}.png")
    files = [f"{label}.png" for label in LABELS]
    cli("classify", *files, "--model", model, "--snapshots", "seen", "--when", "green > 0.5")
    (kept,) = (cli.folder / "seen").iterdir()
    assert re.fullmatch(r"\d{8}T\d{6}\.\d{3}Z-green\.png", kept.name)
    assert kept.read_bytes() == (cli.folder / "green.png").read_bytes()


def test_of_photos_every_one_is_kept_and_a_video_after_one_starts_anew(
    cli: Cli, model: Path
) -> None:
    for number in range(30):
        colour_picture(COLOURS["red"], number, (30, 20)).save(cli.folder / f"{number:02}.png")
    write_video(cli.folder / "30.avi", [np.full((48, 64, 3), (20, 20, 200), np.uint8)] * 5)
    write_video(cli.folder / "31.avi", [np.full((48, 64, 3), (20, 20, 200), np.uint8)] * 5)
    cli("classify", ".", "--model", model, "--snapshots", "seen", "--when", "red>0.5")
    kept = list((cli.folder / "seen").iterdir())
    assert sorted(path.suffix for path in kept) == [".jpg"] * 2 + [".png"] * 30
    photos = {path.read_bytes() for path in cli.folder.glob("*.png")}
    assert {path.read_bytes() for path in kept if path.suffix == ".png"} == photos


def test_photos_within_a_millisecond_are_all_kept(tmp_path: Path) -> None:
    photos = [tmp_path / f"{number}.png" for number in range(3)]
    sink = SnapshotSink(tmp_path / "seen", parse_condition("red>0.9", LABELS))
    for number, photo in enumerate(photos):
        photo.write_bytes(bytes([number]))
        sink.write(made_result([0, 0, 1], source=str(photo), picture=photo))
    kept = sorted((tmp_path / "seen").iterdir())
    assert [path.read_bytes() for path in kept] == [b"\0", b"\1", b"\2"]


@pytest.mark.parametrize("name", ["photo", "photo.jpg_large", "photo.été"])
def test_the_limit_holds_whatever_names_end_in(cli: Cli, model: Path, name: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (600, 600, 3), np.uint8)
    Image.fromarray(noise).save(cli.folder / name, format="PNG")
    size = (cli.folder / name).stat().st_size
    assert 1_000_000 < size < 1_500_000
    for _ in range(3):
        cli("classify", name, "--model", model, "--snapshots", "seen", "--when", "red>=0",
            "--snapshots-limit", "2.5")  # fmt: skip
    kept = list((cli.folder / "seen").iterdir())
    assert [path.stat().st_size for path in kept] == [size] * (2_500_000 // size)


@pytest.mark.parametrize("value", ["inf", "nan"])
def test_a_limit_that_is_no_number_is_one_clear_line(cli: Cli, model: Path, value: str) -> None:
    result = cli("classify", "a.jpg", "--model", model, "--snapshots", "seen", "--when", "red>0.5",
                 "--snapshots-limit", value, check=2)  # fmt: skip
    assert_one_clear_line(result, f"--snapshots-limit {value}", "such as 500")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--snapshots", "seen"], "--when"),
        (["--when", "red>0.5"], "--snapshots"),
        (["--snapshots", "seen", "--when", "pink>0.5"], "no such label; there are blue, green"),
        (["--snapshots", "seen", "--when", "red"], "give it like 'cat>0.9'"),
        (["--snapshots", "seen", "--when", "red>9"], "give it like 'cat>0.9'"),
        (["--snapshots", "notes", "--when", "red>0.5"], "notes: file exists"),
    ],
    ids=str,
)
def test_snapshots_that_cannot_be_are_one_clear_line(
    cli: Cli, model: Path, options: list[str], words: str
) -> None:
    (cli.folder / "notes").write_text("notes")
    result = cli("classify", "a.jpg", "--model", model, *options, check=2)
    assert_one_clear_line(result, words)


@pytest.mark.parametrize(
    ("text", "holds"),
    [("a>0.5", False), ("a>=0.5", True), (" a <= .5 ", True), ("a<0.5", False), ("b>c>0.4", True)],
)
def test_a_condition_is_read_as_it_is_written(text: str, holds: bool) -> None:
    condition = parse_condition(text, ["a", "b>c"])
    assert condition.holds(made_result([0.5, 0.5], labels=["a", "b>c"])) is holds


@pytest.mark.parametrize("text", ["", ">0.5", "a>", "a>1.2.3", "a=0.5", "a>1.01"])
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(SettingError):
        parse_condition(text, ["a"])


# A window


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
    # By default a server starts anew when its last client leaves, and throws out who comes in
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
    url = serve(Stream(fps=30, frames=150))
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
    assert stderr.splitlines()[0] == "edgetl: --window: the display that it was on is gone"
    assert len(stdout.splitlines()) > 60
    assert len(frames_of(cli.folder / "out.mp4")[0]) > 45


# The terminal


def test_the_live_view_shows_bars_and_figures(tmp_path: Path) -> None:
    temperature = tmp_path / "temp"
    temperature.write_text("48250\n")
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=80, color_system=None)
    sink = LiveSink(console, temperature=temperature)
    for frame in range(1, 4):
        sink.write(made_result([0.1, 0.2, 0.7], frame=frame))
        time.sleep(0.05)
    unsure = replace(made_result([0.1, 0.5, 0.4], frame=4), sure=False)
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
