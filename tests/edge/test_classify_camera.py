"""`edgetl classify` of videos and cameras, and how signals end it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import COLOURS, Cli, assert_one_clear_line, colour_picture
from tests.edge.conftest import Stream, frame_picture, until, write_video
from tests.third_party import LABELS

Serve = Callable[[Stream], str]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    colour_picture(COLOURS["red"], 3, (60, 40)).save(folder / "red.jpg")
    return folder


@pytest.mark.parametrize("arguments", [["clip.avi"], ["--camera", "clip.avi"]], ids=str)
def test_a_video_is_classified_frame_by_frame(cli: Cli, model: Path, arguments: list[str]) -> None:
    frames = [COLOURS[label][::-1] for label in (*LABELS, "red")]
    pictures = (frame_picture(0) + frame for frame in frames)
    write_video(cli.folder / "clip.avi", (picture.astype("uint8") for picture in pictures))
    result = cli.here("classify", *arguments, "--model", model, "--format", "jsonl")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(row["frame"], row["label"]) for row in rows] == [
        (1, "blue"), (2, "green"), (3, "red"), (4, "red"),
    ]  # fmt: skip
    assert {row["source"] for row in rows} == {"clip.avi"}


def test_one_frame_in_so_many_seconds_or_while_something_moves(cli: Cli, model: Path) -> None:
    still = [np.full((48, 64, 3), 90, np.uint8)] * 20
    moved = still[0].copy()
    moved[10:30, 10:30] = 250
    write_video(cli.folder / "clip.avi", [*still, moved, *still], fps=10)
    clip = ["classify", "--camera", "clip.avi", "--model", model, "--format", "jsonl"]

    def frames(*options: str) -> list[int]:
        result = cli.here(*clip, *options)
        return [json.loads(line)["frame"] for line in result.stdout.splitlines()]

    assert frames("--every", "1.5") == [1, 16, 31]
    assert frames("--motion") == [*range(1, 12), *range(21, 32)]
    # Without P one per cent; so much never moves.
    assert frames("--motion", "90", "--every", "0.5") == [1, 6, 11]


def test_gates_are_for_a_camera(cli: Cli, model: Path, photos: Path) -> None:
    for option in (("--every", "2"), ("--motion",)):
        refused = cli.refused("classify", photos, "--model", model, *option)
        assert_one_clear_line(refused, option[0], "is for --camera")
    assert_one_clear_line(cli.refused("classify", "--camera", "0", "--every", "0"), "--every")


def test_a_stream_that_ends_is_one_clear_line_after_its_results(
    cli: Cli, model: Path, serve: Serve
) -> None:
    url = serve(Stream(frames=8, fps=20))
    arguments = ["--camera", url, "--no-reconnect", "--model", model, "--format", "jsonl"]
    result = cli("classify", *arguments, check=2)
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows[-1]["frame"] == 8
    assert result.stderr.splitlines() == [f"edgetl: {url}: stopped sending pictures after frame 8"]


@dataclass(frozen=True)
class Running:
    """`edgetl classify` in the background."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    def lines(self) -> int:
        return self.out.read_bytes().count(b"\n")

    def stop(self, number: signal.Signals) -> tuple[int, float]:
        """Send a signal: the exit status, and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(timeout=30), time.monotonic() - began


@pytest.fixture
def start(cli: Cli, model: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def run(*arguments: str | Path, **options: Any) -> Running:
        out, err = cli.folder / "out", cli.folder / "err"
        command = [sys.executable, "-m", "edgetl", "classify", *map(str, arguments)]
        command += ["--model", str(model), "--format", "jsonl"]
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                command, cwd=cli.folder, stdout=stdout, stderr=stderr, **options
            )
        running.append(Running(process, out, err))
        return running[-1]

    yield run
    for one in running:
        one.process.kill()
        one.process.wait()
        if one.process.stdin:
            one.process.stdin.close()


STOPS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.skipif(os.name != "posix", reason="signals to another process")
@pytest.mark.parametrize(("number", "status"), STOPS, ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("stalls", [False, True], ids=["live", "stalled"])
def test_a_signal_stops_a_camera_within_a_second_and_leaves_whole_lines(
    start: Callable[..., Running], serve: Serve, number: signal.Signals, status: int, stalls: bool
) -> None:
    url = serve(Stream(frames=20 if stalls else 10**6, fps=30, stalls=stalls))
    run = start("--camera", url)
    assert until(lambda: run.lines() >= 10)
    # Where it stalls, let it wait for the next frame.
    time.sleep(0.8 if stalls else 0)
    ended, seconds = run.stop(number)
    assert seconds < 1
    assert ended == status
    text = run.out.read_text()
    assert text.endswith("\n")
    assert len([json.loads(line) for line in text.splitlines()]) >= 10
    stderr = run.err.read_text()
    assert "Traceback" not in stderr
    assert len(stderr.splitlines()) <= 1


@pytest.mark.skipif(os.name != "posix", reason="signals to another process")
@pytest.mark.parametrize(("number", "status"), STOPS, ids=["ctrl-c", "sigterm"])
def test_a_signal_stops_it_while_a_server_does_not_answer(
    start: Callable[..., Running], number: signal.Signals, status: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        run = start("--camera", f"http://127.0.0.1:{silent.getsockname()[1]}/video")
        silent.settimeout(60)
        connection, _ = silent.accept()
        time.sleep(0.3)
        ended, seconds = run.stop(number)
        connection.close()
    assert (ended, run.lines()) == (status, 0)
    assert seconds < 1


@pytest.mark.skipif(os.name != "posix", reason="signals to another process")
@pytest.mark.parametrize(("number", "status"), STOPS, ids=["ctrl-c", "sigterm"])
def test_a_signal_stops_it_while_no_line_comes_on_stdin(
    start: Callable[..., Running], photos: Path, number: signal.Signals, status: int
) -> None:
    run = start("-", stdin=subprocess.PIPE)
    assert run.process.stdin is not None
    run.process.stdin.write(b"photos/red.jpg\n")
    run.process.stdin.flush()
    # A result is there at once, and not when the next path comes.
    assert until(lambda: run.lines() == 1)
    ended, seconds = run.stop(number)
    assert ended == status
    assert seconds < 1
    stderr = run.err.read_text()
    assert "Traceback" not in stderr
    assert "Fatal" not in stderr


def whole_lines(path: Path) -> list[str]:
    return path.read_text().split("\n")[:-1]


def test_a_stream_that_goes_away_is_said_to_and_comes_back(
    start: Callable[..., Running], serve: Serve
) -> None:
    url = serve(Stream(frames=10))
    run = start("--camera", url)
    assert until(lambda: run.err.read_text().count("\n") >= 2)
    lost, back = run.err.read_text().splitlines()[:2]
    assert lost == f"edgetl: {url}: lost after frame 10; trying to get it back"
    assert back.startswith(f"edgetl: {url}: back after ")
    # Which frames a busy machine sees is not said.
    assert until(lambda: any(json.loads(row)["frame"] > 10 for row in whole_lines(run.out)))
    assert run.process.poll() is None


def test_a_camera_s_frames_are_turned_and_cut(cli: Cli, model: Path) -> None:
    # Left half blue, right half red; turned by 180 degrees, red is left.
    frame = np.zeros((48, 160, 3), np.uint8)
    frame[:, :80], frame[:, 80:] = COLOURS["blue"][::-1], COLOURS["red"][::-1]
    write_video(cli.folder / "clip.avi", [frame])
    for options, label in (([], "blue"), (["--rotate", "180"], "red")):
        arguments = ["--camera", "clip.avi", "--roi", "0,0,0.45,1", *options, "--format", "jsonl"]
        result = cli.here("classify", *arguments, "--model", model)
        assert json.loads(result.stdout)["label"] == label


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.jpg", "--roi", "0,0,1,1"], "--roi is for --camera"),
        (["a.jpg", "--fps", "5"], "--fps is for --camera"),
        (["--camera", "0", "--roi", "1,2,3"], "roi '1,2,3' is not X,Y,WIDTH,HEIGHT"),
        (["--camera", "0", "--rotate", "45"], "--rotate 45 is not one of 0, 90, 180, 270"),
        (["--camera", "0", "--resolution", "vga"], "resolution 'vga' is not WIDTHxHEIGHT"),
        (["--camera", "0", "--fps", "0"], "--fps 0.0 is not above 0 and at most 1000"),
    ],
    ids=str,
)
def test_a_camera_option_that_does_not_fit_is_one_clear_line(
    cli: Cli, arguments: list[str], words: str
) -> None:
    assert_one_clear_line(cli.refused("classify", *arguments), words)
