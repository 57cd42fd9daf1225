"""A live camera gives its newest frame, and comes back by itself."""

import itertools
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.edge.errors import SettingError, SourceError
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import model_input
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.sources import camera as camera_module
from edgetl.edge.sources.build_camera import cameras_opener
from edgetl.edge.sources.camera import Camera
from edgetl.edge.sources.camera_backends import CameraSettings
from edgetl.edge.sources.view import Roi, View
from tests.edge.conftest import Stream, StreamServer, frame_number, frame_picture, write_video

Serve = Callable[[Stream], str]

BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


def test_a_slow_classifier_gets_the_newest_frame_and_skips_the_others(serve: Serve) -> None:
    stream = Stream()
    with Camera(serve(stream)) as camera:
        shown, numbers, ages = [], [], []
        for item in camera:
            number = frame_number(np.asarray(item.picture))
            ages.append(time.monotonic() - stream.sent[number])
            numbers.append(number)
            shown.append(item.frame)
            time.sleep(0.2)
            if len(numbers) == 10:
                break
    gaps = np.diff(numbers)
    assert (gaps >= 1).all()
    assert np.median(gaps) >= 4
    assert max(ages[1:]) < 0.5
    assert shown == [number + 1 for number in numbers]


def test_a_fast_classifier_gets_every_frame_once(serve: Serve) -> None:
    with Camera(serve(Stream(frames=25, fps=20))) as camera:
        shown = [item.picture for item in itertools.islice(camera, 20)]
    numbers = [frame_number(np.asarray(picture)) for picture in shown]
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < 25


def test_a_camera_s_frames_are_rgb(serve: Serve) -> None:
    stream = Stream(picture=lambda number: np.full((48, 64, 3), BGR["red"], np.uint8))
    with Camera(serve(stream)) as camera:
        pixels = np.asarray(next(iter(camera)).picture)
    assert abs(pixels.astype(int) - (255, 0, 0)).max() < 12


def test_a_stream_that_ends_gives_its_last_frame_and_then_says_so(serve: Serve) -> None:
    url = serve(Stream(frames=5))
    last = None
    with Camera(url, reconnect=False) as camera, pytest.raises(SourceError) as caught:  # noqa: PT012
        for item in camera:
            last = item.frame
    assert last == 5
    assert str(caught.value) == f"{url}: stopped sending pictures after frame 5"


def test_a_stream_that_stalls_says_how_far_it_came(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera_module, "FRAME_SECONDS", 1.0)
    url = serve(Stream(frames=12, stalls=True))
    began = time.monotonic()
    last = 0
    with Camera(url, reconnect=False) as camera, pytest.raises(SourceError) as caught:  # noqa: PT012
        for item in camera:
            last = item.frame or 0
    assert last >= 10
    assert str(caught.value) == f"{url}: stopped sending pictures after frame {last}"
    assert time.monotonic() - began < 5


def test_leaving_a_camera_that_stalls_does_not_hang(serve: Serve) -> None:
    with Camera(serve(Stream(frames=12, stalls=True))) as camera:
        next(iter(camera))
        began = time.monotonic()
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (97, "camera 97: there is no such camera"),
        ("/dev/video97", "/dev/video97: cannot be opened"),
        ("http://127.0.0.1:9/none", "http://127.0.0.1:9/none: cannot be opened"),
        ("", "cannot be opened"),
    ],
)
def test_a_camera_that_is_not_there_says_so_at_once(
    source: int | str, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with pytest.raises(SourceError) as caught:
        Camera(source)
    assert words in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    assert time.monotonic() - began < 3
    assert capfd.readouterr().err == ""


# Cameras that go away


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits a test can sit through."""
    monkeypatch.setattr(camera_module, "FRAME_SECONDS", 1.0)
    monkeypatch.setattr(camera_module, "FIRST_WAIT", 0.1)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("stalls", [False, True], ids=["ends", "hangs"])
def test_a_stream_that_goes_away_comes_back_and_frames_count_on(
    serve: Serve, stalls: bool, caplog: pytest.LogCaptureFixture
) -> None:
    url = serve(Stream(frames=15, stalls=stalls))
    with Camera(url) as camera:
        shown = [item.frame or 0 for item in itertools.islice(camera, 40)]
    assert shown == sorted(set(shown))
    lost, back = caplog.messages[:2]
    assert lost.startswith(f"{url}: lost after frame 1")
    assert back.startswith(f"{url}: back after ")


@pytest.mark.usefixtures("quick")
def test_a_server_that_is_stopped_is_waited_for_until_it_is_there_again(
    stream_server: Callable[..., StreamServer], caplog: pytest.LogCaptureFixture
) -> None:
    first = stream_server(Stream())
    with Camera(first.url) as camera:
        frames = iter(camera)
        before = [next(frames).frame or 0 for _ in range(5)]
        first.stop()
        timer = threading.Timer(2.0, lambda: stream_server(Stream(), port=first.port))
        timer.start()
        after = []
        while len(caplog.messages) < 2:
            after.append(next(frames).frame or 0)
        after += [next(frames).frame or 0 for _ in range(5)]
        timer.join()
    assert [line.partition(": ")[2].split()[0] for line in caplog.messages] == [
        "lost",
        "back",
    ]
    assert after[0] > before[-1]
    assert after == sorted(set(after))


@pytest.mark.usefixtures("quick")
def test_waits_grow_up_to_a_bound_and_leaving_ends_them(
    stream_server: Callable[..., StreamServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(camera_module, "LONGEST_WAIT", 0.4)
    attempts: list[float] = []
    opening = camera_module.open_camera

    def counted(*arguments: Any) -> Any:
        attempts.append(time.monotonic())
        return opening(*arguments)

    monkeypatch.setattr(camera_module, "open_camera", counted)
    server = stream_server(Stream())
    camera = Camera(server.url)
    frames = iter(camera)
    next(frames)
    server.stop()
    thread = threading.Thread(target=lambda: list(frames), daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while len(attempts) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    gaps = np.diff(attempts[1:6])
    assert gaps[0] > 0.15
    assert (gaps[1:] > 0.35).all()
    assert gaps.max() < 2
    began = time.monotonic()
    camera.__exit__()
    thread.join(5)
    assert not thread.is_alive()
    assert time.monotonic() - began < 1


@pytest.mark.usefixtures("quick")
def test_a_server_that_answers_nothing_is_an_error_at_once_and_no_loop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/video"
        with pytest.raises(SourceError, match="does not answer within 1 s"):
            Camera(url)


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_threads_that_hang_are_bounded(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    # Of each opening the thread hangs in FFmpeg, which gives up after its own 10 seconds.
    url = serve(Stream(frames=12, stalls=True))
    with Camera(url) as camera:
        began = time.monotonic()
        for _ in camera:
            hanging = sum(thread.name == url for thread in threading.enumerate())
            assert hanging <= 4
            if time.monotonic() - began > 8:
                break
    assert len(caplog.messages) >= 4


# What a stream can send


def test_frames_may_change_their_size(serve: Serve) -> None:
    def picture(number: int) -> np.ndarray:
        width = 160 if number < 20 else 320
        return np.full((48, width, 3), BGR["red"], np.uint8)

    with Camera(serve(Stream(picture=picture)), reconnect=True) as camera:
        for item in itertools.islice(camera, 60):
            pixels = np.asarray(item.picture)
            assert model_input(pixels, InputSize(16, 16)).shape == (16, 16, 3)
            assert abs(pixels.astype(int) - (255, 0, 0)).max() < 12


def test_black_frames_are_frames(serve: Serve) -> None:
    black = np.zeros((48, 64, 3), np.uint8)
    with Camera(serve(Stream(picture=lambda number: black))) as camera:
        pixels = np.asarray(next(iter(camera)).picture)
    assert pixels.max() < 5


def test_random_bytes_from_the_start_are_one_clear_error(
    stream_server: Callable[..., StreamServer], capfd: pytest.CaptureFixture[str]
) -> None:
    server = stream_server(Stream(random_from=0))
    with pytest.raises(SourceError) as caught, Camera(server.url) as camera:
        next(iter(camera))
    assert server.url in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.usefixtures("quick")
def test_random_bytes_in_the_middle_are_skipped(
    serve: Serve, capfd: pytest.CaptureFixture[str]
) -> None:
    with Camera(serve(Stream(random_from=30, random_to=60))) as camera:
        for item in camera:
            number = frame_number(np.asarray(item.picture))
            if (item.frame or 0) > 30 and number >= 10:
                break
    assert capfd.readouterr().err == ""


def test_a_frame_says_when_it_arrived(serve: Serve) -> None:
    stream = Stream()
    with Camera(serve(stream)) as camera:
        for item in itertools.islice(camera, 20):
            sent = stream.sent[frame_number(np.asarray(item.picture))]
            assert item.arrived is not None
            assert 0 <= item.arrived - sent < 0.5


# How frames are seen


def test_frames_are_rotated_then_cropped(serve: Serve) -> None:
    frame = np.zeros((40, 80, 3), np.uint8)
    frame[:, 40:] = BGR["blue"]  # the right half; rotated clockwise by 90 the lower one
    view = View(90, Roi(0, 0.5, 1, 0.5))
    with Camera(serve(Stream(picture=lambda number: frame)), view=view) as camera:
        pixels = np.asarray(next(iter(camera)).picture)
    assert pixels.shape == (40, 40, 3)
    assert abs(pixels[4:].astype(int) - (0, 0, 255)).max() < 40


def test_a_video_can_be_looked_at_the_same_way(tmp_path: Path) -> None:
    path = write_video(tmp_path / "v.avi", map(frame_picture, range(3)))
    options = ClassifyOptions(camera=(str(path),), rotate=180, roi=("0,0,0.5,0.5",))
    with cameras_opener(options)() as items:
        shown = list(items)
    assert [np.asarray(item.picture).shape for item in shown] == [(24, 80, 3)] * 3


def test_a_stream_cannot_be_asked_for_a_resolution(serve: Serve) -> None:
    with pytest.raises(SettingError, match="--resolution"):
        Camera(serve(Stream()), settings=CameraSettings((640, 480)))
