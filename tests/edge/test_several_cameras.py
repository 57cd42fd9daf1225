"""Several cameras, streams on this machine, in one run."""

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgetl.edge.errors import SourceError
from edgetl.edge.pipeline import ClassifyOptions, classify
from edgetl.edge.sources import camera as camera_module
from edgetl.edge.sources.camera import Camera
from edgetl.edge.sources.files import Item
from edgetl.edge.sources.motion import moving
from edgetl.edge.sources.several import Cameras
from edgetl.edge.sources.spacing import spaced
from tests.conftest import COLOURS, Cli
from tests.edge.conftest import Stream, StreamServer, frame_number

Serve = Callable[[Stream], str]
Servers = Callable[..., StreamServer]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits a test can sit through."""
    monkeypatch.setattr(camera_module, "FRAME_SECONDS", 0.7)
    monkeypatch.setattr(camera_module, "FIRST_WAIT", 0.1)


def cameras(reconnect: bool = True, **urls: str) -> Cameras:
    """Cameras by their names."""
    return Cameras(
        [partial(Camera, url, called=name, reconnect=reconnect) for name, url in urls.items()]
    )


def of(colour: str, *, right: str = "") -> Callable[[int], np.ndarray]:
    """Frames of one colour, or of two side by side."""

    def picture(_: int) -> np.ndarray:
        frame = np.full((48, 64, 3), COLOURS[colour][::-1], np.uint8)
        frame[:, 32:] = COLOURS[right or colour][::-1]
        return frame

    return picture


def test_a_slow_classifier_takes_the_newest_frame_of_each_in_turn(serve: Serve) -> None:
    door, yard = Stream(fps=60), Stream(fps=30)
    seen: list[tuple[str, int]] = []
    with cameras(door=serve(door), yard=serve(yard)) as both:
        for item in itertools.islice(both, 16):
            time.sleep(0.1)
            assert isinstance(item.picture, np.ndarray)
            assert item.arrived is not None
            # It was the newest one when it was asked for; in a queue they would grow a second old.
            assert item.arrived > time.monotonic() - 0.5
            seen.append((item.source, frame_number(item.picture)))
    # The slow one is not starved, and no frame comes twice.
    assert Counter(source for source, _ in seen) == {"door": 8, "yard": 8}
    assert len(set(seen)) == len(seen)
    for name in ("door", "yard"):
        numbers = [number for source, number in seen if source == name]
        assert numbers == sorted(numbers)
        assert numbers[-1] - numbers[0] > 20


def test_a_fast_classifier_gets_the_frames_of_each_once_and_in_order(serve: Serve) -> None:
    seen: dict[str, list[int]] = {"door": [], "yard": []}
    streams = {"door": Stream(frames=30, fps=30), "yard": Stream(frames=10, fps=10)}
    urls = {name: serve(stream) for name, stream in streams.items()}

    def note_all(items: Iterable[Item]) -> None:
        for item in items:
            assert isinstance(item.picture, np.ndarray)
            seen[item.source].append(frame_number(item.picture))

    with cameras(False, **urls) as both, pytest.raises(SourceError, match="stopped sending"):
        note_all(both)
    for found in seen.values():
        assert found == sorted(set(found))
        # But for those that came before both were open, or while other programs had the processor.
        assert len(found) >= 0.4 * (found[-1] - found[0] + 1)
    assert seen["door"][-1] == 29
    assert seen["yard"][-1] == 9


@pytest.mark.usefixtures("quick")
def test_one_that_is_lost_comes_back_while_the_other_goes_on(
    stream_server: Servers, serve: Serve, logged: pytest.LogCaptureFixture
) -> None:
    door = stream_server(Stream())
    seen: list[str] = []

    def lines(word: str) -> list[str]:
        return [line for line in logged.messages if word in line]

    with cameras(door=door.url, yard=serve(Stream())) as both:
        frames = iter(both)

        def until(done: Callable[[], object]) -> None:
            ends = time.monotonic() + 10
            while not done():
                assert time.monotonic() < ends
                seen.append(next(frames).source)

        until(lambda: "door" in seen)
        door.stop()
        until(lambda: lines("door: lost after frame"))
        # Its last frame may come after the line.
        until(lambda: seen[-10:] == ["yard"] * 10)
        seen.clear()
        stream_server(Stream(), port=door.port)
        until(lambda: "door" in seen)
    assert len(lines("door: back after")) == 1
    assert not lines("yard")


def test_one_that_ends_and_is_not_reconnected_is_said_and_the_last_one_ends_the_run(
    serve: Serve, logged: pytest.LogCaptureFixture
) -> None:
    door, yard = serve(Stream(frames=5)), serve(Stream(frames=30))
    seen = []
    with (
        pytest.raises(SourceError, match="yard: stopped sending pictures after frame 30"),
        cameras(False, door=door, yard=yard) as both,
    ):
        seen.extend(item.source for item in both)
    assert logged.messages == ["door: stopped sending pictures after frame 5; the others go on"]
    assert seen[-1] == "yard"


@pytest.mark.usefixtures("quick")
def test_one_that_never_works_is_an_error_at_once(serve: Serve) -> None:
    began = time.monotonic()
    with pytest.raises(SourceError, match="camera 97: there is no such camera"):
        Cameras([partial(Camera, serve(Stream()), called="door"), partial(Camera, 97)])
    with (
        pytest.raises(SourceError, match="yard: "),
        cameras(door=serve(Stream()), yard=serve(Stream(frames=0, stalls=True))) as both,
    ):
        list(both)
    assert time.monotonic() - began < 5


def test_leaving_cameras_that_hang_takes_less_than_a_second(serve: Serve) -> None:
    urls = {f"c{n}": serve(Stream(frames=3, stalls=True)) for n in range(5)}
    with cameras(**urls) as all_of_them:
        names = {next(iter(all_of_them)).source for _ in range(5)}
        began = time.monotonic()
    assert time.monotonic() - began < 0.9
    assert names <= set(urls)


def test_nothing_comes_once_all_hang_so_that_a_watchdog_hears_nothing(serve: Serve) -> None:
    streams = {"door": Stream(frames=5, stalls=True), "yard": Stream(frames=25, stalls=True)}
    seen: list[str] = []
    with cameras(**{name: serve(stream) for name, stream in streams.items()}) as both:
        taking = threading.Thread(target=lambda: seen.extend(item.source for item in both))
        taking.start()
        while len(streams["yard"].sent) < 25:
            time.sleep(0.02)
        time.sleep(0.3)
        before = list(seen)
        # One that hangs is no reason for the other to wait.
        assert before[-10:] == ["yard"] * 10
        time.sleep(0.5)
        assert seen == before
    taking.join(1)
    assert not taking.is_alive()


def test_no_camera_is_kept_open_where_one_cannot_be_opened(serve: Serve) -> None:
    door = serve(Stream())
    with pytest.raises(SourceError, match="/dev/video97: cannot be opened"):
        cameras(door=door, yard="/dev/video97")
    assert not [one for one in threading.enumerate() if one.name == "door"]


def frame_of(source: str, at: float, picture: np.ndarray) -> Item:
    return Item(source, picture, round(10 * at) + 1, at)


def alternating(pictures: dict[str, Callable[[float], np.ndarray]]) -> Iterator[Item]:
    for tick in range(60):
        for source, picture in pictures.items():
            yield frame_of(source, tick / 10, picture(tick / 10))


def arrived(item: Item) -> float:
    assert item.arrived is not None
    return item.arrived


def test_each_source_has_its_own_interval() -> None:
    still = np.zeros((48, 64, 3), np.uint8)
    items = alternating({"door": lambda _: still, "yard": lambda _: still})
    due = [item for item in spaced(items, 2.0, clock=arrived) if isinstance(item, Item)]
    assert [(item.source, item.arrived) for item in due] == [
        ("door", 0.0), ("yard", 0.0), ("door", 2.0), ("yard", 2.0), ("door", 4.0), ("yard", 4.0),
    ]  # fmt: skip


def test_motion_in_one_source_is_none_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    still = np.full((48, 64, 3), 90, np.uint8)
    moved = still.copy()
    moved[10:30, 10:30] = 250
    monkeypatch.setattr("edgetl.edge.sources.motion._SHARE_OF_CORE", 1e9)
    items = alternating({"door": lambda at: moved if at == 4.0 else still, "yard": lambda _: still})
    passed = [item for item in moving(items, 0.01, clock=arrived) if isinstance(item, Item)]
    last = {
        source: max(arrived(i) for i in passed if i.source == source) for source in ["door", "yard"]
    }
    assert last == {"door": 5.0, "yard": 1.0}


def test_results_name_cameras_and_parts_and_change_by_themselves(
    serve: Serve, third_party_models: Path, in_tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "camera": (
            f"door={serve(Stream(frames=25, picture=of('red')))}",
            f"yard={serve(Stream(frames=20, picture=of('blue', right='green')))}",
        ),
        "roi": ("yard/left=0,0,0.5,1", "yard/right=0.5,0,0.5,1"),
        "model": third_party_models / "described.tflite",
        "output": Path("rows.jsonl"),
        "reconnect": False,
    }
    with pytest.raises(SourceError, match="stopped sending"):
        classify(ClassifyOptions(**options, on_change=True, smooth=1.0))
    rows = [json.loads(line) for line in Path("rows.jsonl").read_text().splitlines()]
    assert sorted((row["source"], row["label"]) for row in rows) == [
        ("door", "red"), ("yard/left", "blue"), ("yard/right", "green"),
    ]  # fmt: skip


def test_parts_of_one_camera_without_a_name_are_called_by_their_own(
    cli: Cli, serve: Serve, third_party_models: Path
) -> None:
    url = serve(Stream(frames=5, picture=of("blue", right="green")))
    result = cli(
        "classify", "--camera", url, "--no-reconnect", "--format", "csv", "--on-change",
        "--model", third_party_models / "described.tflite",
        "--roi", "left=0,0,0.5,1", "--roi", "right=0.5,0,0.5,1", check=2,
    )  # fmt: skip
    rows = [line.split(",") for line in result.stdout.splitlines()[1:]]
    assert [(row[0], row[4]) for row in rows] == [("left", "blue"), ("right", "green")]
