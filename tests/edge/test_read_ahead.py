"""Pictures decoded ahead: in order, each failing alone, never too many."""

import io
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge import Classifier
from edge.errors import PictureError
from edge.preprocessing import InputGeometry, model_input
from edge.read_ahead import Ahead, ReadAhead
from edge.results import Result, results
from edge.sources import Item, Problem
from tests.conftest import colour_picture

GEOMETRY = InputGeometry(16, 16)


def written(folder: Path, count: int) -> list[Path]:
    """Pictures of different sizes, so that they take different times."""
    paths = []
    for number in range(count):
        side = 900 if number % 5 == 0 else 20
        paths.append(folder / f"{number:03}.jpg")
        colour_picture((number, 255 - number, 7), number, (side, side)).save(paths[-1])
    return paths


def settled(count: list[int]) -> int:
    """What `count` has grown to when it grows no more."""
    before = -1
    while before != len(count):
        before = len(count)
        time.sleep(0.2)
    return before


def decoders() -> int:
    return sum(thread.name.startswith("decoder") for thread in threading.enumerate())


def test_closing_waits_for_what_is_being_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else OpenCV, coming back to a Python that is going away, aborted the process.
    begun, ended = [], []

    def slow(*_: object) -> np.ndarray:
        begun.append(1)
        time.sleep(0.2)
        ended.append(1)
        return np.zeros((16, 16, 3), np.uint8)

    monkeypatch.setattr("edge.read_ahead.model_input", slow)
    paths = written(tmp_path, 40)
    entries = ReadAhead((Item(str(path), path) for path in paths), GEOMETRY, threads=3)
    next(entries)
    while len(begun) < 3:
        time.sleep(0.01)
    entries.close()
    assert len(ended) == len(begun) < 40
    while decoders():
        time.sleep(0.01)


def test_the_order_and_the_pixels_are_those_of_one_by_one(tmp_path: Path) -> None:
    paths = written(tmp_path, 40)
    items = [Item(str(path), path) for path in paths]
    found = list(ReadAhead(items, GEOMETRY, threads=3))
    assert [entry.item for entry in found if isinstance(entry, Ahead)] == items
    for entry, path in zip(found, paths, strict=True):
        assert isinstance(entry, Ahead)
        assert (entry.decoded.result().pixels == model_input(path, GEOMETRY)).all()
        assert entry.decoded.result().milliseconds > 0


def test_problems_keep_their_place_and_a_bad_picture_fails_alone(tmp_path: Path) -> None:
    (good,) = written(tmp_path, 1)
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    problem = Problem("asked for in vain")
    items = [Item("1", good), problem, Item("2", bad), Item("3", good)]
    first, second, third, fourth = ReadAhead(items, GEOMETRY)
    assert second is problem
    assert isinstance(third, Ahead)
    with pytest.raises(PictureError, match=r"bad\.png"):
        third.decoded.result()
    for entry in (first, fourth):
        assert isinstance(entry, Ahead)
        assert entry.decoded.result().pixels.shape == (16, 16, 3)


def test_results_of_what_was_read_ahead_are_those_of_one_by_one(
    foreign_models: Path, tmp_path: Path
) -> None:
    classifier = Classifier(foreign_models / "described.tflite")
    items = [Item(str(path), path) for path in written(tmp_path, 20)]
    items.insert(7, Item("bad", tmp_path / "gone.jpg"))
    one_by_one = list(results(items, classifier))
    ahead = list(results(ReadAhead(items, classifier.model.geometry), classifier))
    assert len(ahead) == len(one_by_one) == 21
    for ours, theirs in zip(ahead, one_by_one, strict=True):
        if isinstance(theirs, Problem):
            assert ours == theirs
        else:
            assert isinstance(ours, Result)
            assert (ours.source, ours.picture) == (theirs.source, theirs.picture)
            assert (ours.probabilities == theirs.probabilities).all()


def test_only_a_bounded_number_is_taken_ahead() -> None:
    taken: list[int] = []
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, "PNG")
    pixels = np.zeros((8, 8, 3), np.uint8)

    def items() -> Iterator[Item]:
        for number in range(10_000):
            taken.append(number)
            yield Item(str(number), pixels)

    ahead = ReadAhead(items(), GEOMETRY, threads=2)
    for given in range(1, 20):
        next(ahead)
        if given in (1, 19):
            assert settled(taken) <= given + 8
    ahead.close()


def test_closing_it_ends_its_threads_and_takes_no_more() -> None:
    # Those of other tests may be on their way out.
    deadline = time.monotonic() + 10
    while decoders() and time.monotonic() < deadline:
        time.sleep(0.01)
    before = decoders()
    taken: list[int] = []
    pixels = np.zeros((8, 8, 3), np.uint8)
    items = (taken.append(n) or Item(str(n), pixels) for n in itertools.count())  # type: ignore[func-returns-value]
    ahead = ReadAhead(items, GEOMETRY, threads=4)
    next(ahead)
    assert decoders() == before + 4
    ahead.close()
    deadline = time.monotonic() + 10
    while decoders() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert decoders() == before
    assert len(taken) <= 18


def test_its_threads_end_with_the_items(tmp_path: Path) -> None:
    before = decoders()
    for _ in range(20):
        assert len(list(ReadAhead([Item("1", tmp_path)], GEOMETRY, threads=4))) == 1
    deadline = time.monotonic() + 10
    while decoders() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert decoders() == before


def test_what_goes_wrong_in_the_source_is_raised_after_what_came_before(tmp_path: Path) -> None:
    def items() -> Iterator[Item]:
        yield Item("1", tmp_path)
        raise MemoryError("of the source")

    ahead = ReadAhead(items(), GEOMETRY)
    assert isinstance(next(ahead), Ahead)
    with pytest.raises(MemoryError, match="of the source"):
        next(ahead)


def test_a_result_does_not_wait_for_the_next_item(tmp_path: Path) -> None:
    (path,) = written(tmp_path, 1)
    more = threading.Event()

    def items() -> Iterator[Item]:
        yield Item("1", path)
        more.wait(30)

    ahead = ReadAhead(items(), GEOMETRY)
    entry = next(ahead)
    assert isinstance(entry, Ahead)
    assert entry.decoded.result(timeout=10).pixels.shape == (16, 16, 3)
    assert not more.is_set()
    more.set()
    assert next(ahead, None) is None
