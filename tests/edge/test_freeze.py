"""A picture that stands still is a lost camera's, whatever the OpenCV that hands it out."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.sources import camera as camera_module
from edgetl.edge.sources.camera import Camera
from edgetl.edge.sources.freeze import KEEPS_FIRST_SIZE, FreezeDetector, is_same
from tests.conftest import Cli, assert_one_clear_line
from tests.edge.conftest import Stream

Serve = Callable[[Stream], str]

DAY, NIGHT = (40, 180, 60), (20, 30, 200)  # BGR


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "FRAME_SECONDS", 2.0)
    monkeypatch.setattr(camera_module, "FIRST_WAIT", 0.1)


def noisy(colour: tuple[int, int, int], size: tuple[int, int], seed: int) -> np.ndarray:
    """A BGR frame of a colour with noise, `size` (width, height)."""
    noise = np.random.default_rng(seed).normal(0, 12, (size[1] // 8, size[0] // 8, 3))
    coarse = (np.array(colour) + noise).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(coarse.repeat(8, 0).repeat(8, 1))


def changes_to_night(after: int, day: tuple[int, int], night: tuple[int, int]) -> Stream:
    """A camera that goes over to night after so many frames, for each connection from then on."""
    frames = itertools.count()

    def picture(_: int) -> np.ndarray:
        number = next(frames)
        return noisy(DAY, day, number) if number < after else noisy(NIGHT, night, number)

    return Stream(picture=picture)


def is_night(pixels: np.ndarray) -> bool:
    """Whether all of an RGB picture is the night's."""
    blocks = [half.reshape(-1, 3).mean(0) for half in np.array_split(pixels, 4)]
    blocks += [half.reshape(-1, 3).mean(0) for half in np.array_split(pixels, 4, axis=1)]
    return bool(np.abs(np.array(blocks) - NIGHT[::-1]).max() < 30)


@pytest.mark.parametrize(
    ("day", "night"),
    [
        ((160, 120), (320, 240)),
        ((320, 240), (160, 120)),
        ((320, 240), (320, 160)),
        pytest.param(
            (320, 160),
            (240, 160),
            marks=pytest.mark.skipif(KEEPS_FIRST_SIZE, reason="cannot be told: docs/sources.md"),
        ),
        ((320, 240), (240, 320)),
    ],
    ids=["grows", "shrinks", "lower", "narrower", "turned"],
)
def test_a_stream_whose_size_changes_is_seen_as_it_is(
    serve: Serve, day: tuple[int, int], night: tuple[int, int]
) -> None:
    url = serve(changes_to_night(20, day, night))
    deadline = time.monotonic() + 30
    with Camera(url, frozen_after=1.0) as camera:
        for item in camera:
            if is_night(np.asarray(item.picture)):
                break
            assert time.monotonic() < deadline
        for item in itertools.islice(camera, 20):
            assert is_night(np.asarray(item.picture))


@pytest.mark.slow
def test_a_frozen_camera_is_lost_until_it_sends_another_picture(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    thaws = time.monotonic() + 4
    numbers = itertools.count()

    def picture(_: int) -> np.ndarray:
        number = next(numbers)
        frozen = number >= 20 and time.monotonic() < thaws
        return noisy(DAY, (160, 120), 0 if frozen else number)

    url = serve(Stream(picture=picture))
    with Camera(url, frozen_after=0.5) as camera:
        for item in camera:
            if len(caplog.messages) == 2:
                break
            # After the frozen second nothing is given until it is back.
            assert time.monotonic() < thaws or item.frame
        assert time.monotonic() >= thaws
    lost, back = caplog.messages
    assert lost.startswith(f"{url}: lost after frame ")
    assert ", the same picture for 0.5 s (--frozen-after 0 " in lost
    assert back.startswith(f"{url}: back after ")


def test_without_reconnecting_it_ends_the_run(
    cli: Cli, third_party_models: Path, serve: Serve
) -> None:
    url = serve(Stream(picture=lambda _: noisy(DAY, (64, 48), 1)))
    options = ["--no-reconnect", "--frozen-after", "0.5", "--output", "out.jsonl"]
    model = ["--model", third_party_models / "described.tflite"]
    result = cli("classify", "--camera", url, *options, *model, check=2)
    assert_one_clear_line(result, f"{url}: stopped sending pictures after ", "the same picture")


def test_a_picture_that_never_changes_may_be_taken(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    url = serve(Stream(picture=lambda _: noisy(DAY, (64, 48), 1)))
    with Camera(url, frozen_after=0, reconnect=False) as camera:
        assert len(list(itertools.islice(camera, 60))) == 60
    assert caplog.messages == []


@pytest.mark.slow
def test_what_stands_still_at_an_edge_of_a_live_picture_costs_one_new_connection(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    bar = noisy(NIGHT, (160, 16), 7)
    numbers = itertools.count()

    def picture(_: int) -> np.ndarray:
        frame = noisy(DAY, (160, 120), next(numbers))
        frame[-16:] = bar
        return frame

    with Camera(serve(Stream(picture=picture)), frozen_after=0.5) as camera:
        list(itertools.islice(camera, 120))
    assert len(caplog.messages) == (2 if KEEPS_FIRST_SIZE else 0)


# The detector


def times(monkeypatch: pytest.MonkeyPatch, seconds: list[float]) -> None:
    left = iter(seconds)
    monkeypatch.setattr(time, "monotonic", lambda: next(left))


def test_one_pixel_makes_a_frame_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = np.zeros((33, 47, 3), np.uint8)
    other = frame.copy()
    other[32, 46, 2] = 1
    assert is_same(frame, frame.copy())
    assert not is_same(frame, other)
    assert not is_same(frame, frame[:, :46])
    detector = FreezeDetector(10)
    times(monkeypatch, [0, 9, 11, 20.9, 21])
    assert [detector.frozen(f, ["picture"]) for f in (frame, frame, other, other, other)] == (
        [None, None, None, None, "picture"]
    )


def test_a_black_bar_and_an_edge_that_changes_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    boxed = [noisy(DAY, (64, 64), seed) for seed in range(3)]
    for frame in boxed:
        frame[-8:] = 0
    for frames in (boxed, [noisy(DAY, (64, 64), seed) for seed in range(3)]):
        detector = FreezeDetector(1)
        times(monkeypatch, [0, 5, 10])
        assert [detector.frozen(frame, ["lower edge"]) for frame in frames] == [None] * 3
