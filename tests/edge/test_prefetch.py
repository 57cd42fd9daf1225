"""Prefetched pictures: in order, each failing alone, never too many."""

import io
import itertools
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgetl.edge import Classifier
from edgetl.edge.errors import PictureError
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.pipeline.inference import results
from edgetl.edge.pipeline.prefetch import Prefetched, Prefetcher, threads_each
from edgetl.edge.results.result import Result
from edgetl.edge.sources.files import Item, Problem
from tests.conftest import colour_picture

INPUT_SIZE = InputSize(16, 16)


@pytest.fixture
def classifier(third_party_models: Path) -> Classifier:
    return Classifier(third_party_models / "described.tflite", threads=1)


def prefetched(
    items: Iterable[Item | Problem], classifier: Classifier, threads: int | None = None
) -> Prefetcher:
    prefetcher = Prefetcher(items, classifier.model.input_size, threads=threads)
    prefetcher.infer_with(classifier)
    return prefetcher


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
    classifier: Classifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Else OpenCV, coming back to a Python that is going away, aborted the process.
    begun, ended = [], []

    def slow(*_: object) -> np.ndarray:
        begun.append(1)
        time.sleep(0.2)
        ended.append(1)
        return np.zeros((16, 16, 3), np.uint8)

    monkeypatch.setattr("edgetl.edge.pipeline.prefetch.model_input", slow)
    paths = written(tmp_path, 40)
    entries = prefetched((Item(str(path), path) for path in paths), classifier, 3)
    next(entries)
    while len(begun) < 3:
        time.sleep(0.01)
    entries.close()
    assert len(ended) == len(begun) < 40
    while decoders():
        time.sleep(0.01)


def test_problems_keep_their_order_and_a_bad_picture_fails_alone(
    classifier: Classifier, tmp_path: Path
) -> None:
    (good,) = written(tmp_path, 1)
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    problem = Problem("no such picture")
    items = [Item("1", good), problem, Item("2", bad), Item("3", good)]
    first, second, third, fourth = prefetched(items, classifier)
    assert second is problem
    assert isinstance(third, Prefetched)
    with pytest.raises(PictureError, match=r"bad\.png"):
        third.result()
    for entry in (first, fourth):
        assert isinstance(entry, Prefetched)
        assert entry.result().milliseconds > 0


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_prefetched_results_are_those_of_one_by_one(
    threads: int, third_party_models: Path, tmp_path: Path
) -> None:
    classifier = Classifier(third_party_models / "described.tflite", threads=threads)
    items = [Item(str(path), path) for path in written(tmp_path, 40)]
    items.insert(7, Item("bad", tmp_path / "gone.jpg"))
    one_by_one = list(results(items, classifier))
    found = list(results(Prefetcher(items, classifier.model.input_size, threads=3), classifier))
    assert len(found) == len(one_by_one) == 41
    for ours, theirs in zip(found, one_by_one, strict=True):
        if isinstance(theirs, Problem):
            assert ours == theirs
        else:
            assert isinstance(ours, Result)
            assert (ours.source, ours.picture) == (theirs.source, theirs.picture)
            assert (ours.probabilities == theirs.probabilities).all()


def inferring_at_once(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many pictures four threads infer at the same time."""
    counting, at_once, most = threading.Lock(), 0, 0

    def slow(self: Classifier, pixels: np.ndarray) -> np.ndarray:
        nonlocal at_once, most
        with counting:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        with counting:
            at_once -= 1
        return np.ones(len(self.labels), np.float32)

    monkeypatch.setattr(Classifier, "infer", slow)
    items = [Item("1", np.zeros((8, 8, 3), np.uint8))] * 16
    assert len(list(results(Prefetcher(items, INPUT_SIZE, threads=4), classifier))) == 16
    return most


@pytest.mark.parametrize(("each", "at_once"), [(1, 4), (2, 2), (4, 1), (5, 1)])
def test_as_many_pictures_are_inferred_at_once_as_have_threads(
    each: int, at_once: int, third_party_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = Classifier(third_party_models / "described.tflite", threads=each)
    assert inferring_at_once(classifier, monkeypatch) == at_once


def test_copies_of_a_large_model_do_not_take_all_memory() -> None:
    assert threads_each(3_000_000, 4) == 1
    assert threads_each(30_000_000, 4) == 2
    assert threads_each(100_000_000, 4) == 4
    assert threads_each(100_000_000, 1) == 1


def test_an_interpreter_that_fails_is_raised_and_nobody_waits_for_it(
    classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    working = classifier.infer
    calls = itertools.count()

    def failing(pixels: np.ndarray) -> np.ndarray:
        if next(calls) == 3:
            raise RuntimeError("of the interpreter")
        return working(pixels)

    monkeypatch.setattr(classifier, "infer", failing)
    classifier.threads = 2
    items = [Item(str(n), np.zeros((8, 8, 3), np.uint8)) for n in range(8)]
    found = results(Prefetcher(items, classifier.model.input_size, threads=2), classifier)
    with pytest.raises(RuntimeError, match="of the interpreter"):
        list(found)


def test_closing_before_there_is_a_classifier_lets_nobody_wait(tmp_path: Path) -> None:
    (path,) = written(tmp_path, 1)
    prefetcher = Prefetcher([Item("1", path)] * 5, INPUT_SIZE, threads=3)
    time.sleep(0.1)
    began = time.monotonic()
    prefetcher.close()
    assert time.monotonic() - began < 0.4
    while decoders():
        time.sleep(0.01)


def test_only_a_bounded_number_is_prefetched(classifier: Classifier) -> None:
    taken: list[int] = []
    data = io.BytesIO()
    Image.new("RGB", (8, 8)).save(data, "PNG")
    pixels = np.zeros((8, 8, 3), np.uint8)

    def items() -> Iterator[Item]:
        for number in range(10_000):
            taken.append(number)
            yield Item(str(number), pixels)

    entries = prefetched(items(), classifier, 2)
    for given in range(1, 20):
        next(entries)
        if given in (1, 19):
            assert settled(taken) <= given + 8
    entries.close()


def test_closing_it_ends_its_threads_and_takes_no_more(classifier: Classifier) -> None:
    # Those of other tests may be on their way out.
    deadline = time.monotonic() + 10
    while decoders() and time.monotonic() < deadline:
        time.sleep(0.01)
    before = decoders()
    taken: list[int] = []
    pixels = np.zeros((8, 8, 3), np.uint8)
    items = (taken.append(n) or Item(str(n), pixels) for n in itertools.count())  # type: ignore[func-returns-value]
    entries = prefetched(items, classifier, 4)
    next(entries)
    assert decoders() == before + 4
    entries.close()
    deadline = time.monotonic() + 10
    while decoders() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert decoders() == before
    assert len(taken) <= 18


def test_its_threads_end_with_the_items(classifier: Classifier, tmp_path: Path) -> None:
    before = decoders()
    for _ in range(20):
        assert len(list(prefetched([Item("1", tmp_path)], classifier, 4))) == 1
    deadline = time.monotonic() + 10
    while decoders() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert decoders() == before


def test_what_goes_wrong_in_the_source_is_raised_after_what_came_before(
    classifier: Classifier, tmp_path: Path
) -> None:
    def items() -> Iterator[Item]:
        yield Item("1", tmp_path)
        raise MemoryError("of the source")

    entries = prefetched(items(), classifier)
    assert isinstance(next(entries), Prefetched)
    with pytest.raises(MemoryError, match="of the source"):
        next(entries)


def test_a_result_does_not_wait_for_the_next_item(classifier: Classifier, tmp_path: Path) -> None:
    (path,) = written(tmp_path, 1)
    more = threading.Event()

    def items() -> Iterator[Item]:
        yield Item("1", path)
        more.wait(30)

    entries = prefetched(items(), classifier)
    entry = next(entries)
    assert isinstance(entry, Prefetched)
    assert entry.result(timeout=10).probabilities.shape == (len(classifier.labels),)
    assert not more.is_set()
    more.set()
    assert next(entries, None) is None
