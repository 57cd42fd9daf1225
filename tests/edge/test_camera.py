"""A live camera gives its newest frame, and comes back by itself."""

import itertools
import time
from collections.abc import Callable

import numpy as np
import pytest

from edge import camera as camera_module
from edge.camera import Camera
from edge.errors import SourceError
from tests.edge.conftest import Stream, frame_number

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
