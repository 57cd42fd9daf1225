"""Decoding and inferring pictures in a few threads, before their results are asked for.

Pillow and OpenCV release Python's lock while they decode, and so do both runtimes while they
infer. Each core having a picture of its own, which it decodes and infers alone, is faster than all
of them inferring one together: they need not wait for one another. Measured with small photos and
with 12-megapixel ones by `python -m benchmarks.dev.baselines` and `benchmarks.dev.device`.
"""

import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import model_input
from edgetl.edge.model.runtime import default_threads
from edgetl.edge.sources.files import Item, Problem

# What the copies of a model may take of a small board's memory, for each interpreter has its own.
_COPIES_BYTES = 64_000_000


@dataclass(frozen=True, eq=False)
class Inferred:
    """What a model makes of an item.

    Attributes:
        probabilities: of all classes in labels order, float32 [classes].
        milliseconds: from the file or frame to `probabilities`, less the wait for an interpreter.
    """

    probabilities: npt.NDArray[np.float32]
    milliseconds: float


class Prefetched:
    """An item that is being inferred. (The Future of concurrent.futures takes longer to import.)"""

    def __init__(self, item: Item) -> None:
        self.item = item
        self._done = threading.Event()
        self._outcome: Inferred | BaseException | None = None

    def set_outcome(self, outcome: Inferred | BaseException) -> None:
        """Set the result, or the error; once."""
        self._outcome = outcome
        self._done.set()

    def result(self, timeout: float | None = None) -> Inferred:
        """Wait for what is inferred.

        Raises:
            PictureError: the picture cannot be read.
            TimeoutError: it takes longer than `timeout` seconds.
        """
        if not self._done.wait(timeout):
            raise TimeoutError
        if isinstance(self._outcome, Inferred):
            return self._outcome
        assert self._outcome is not None
        raise self._outcome


# How long closing waits for what is being inferred; Ctrl-C must end a run within a second.
_STOP_SECONDS = 0.5

_Entry: TypeAlias = Prefetched | Problem | BaseException | None


def infer(item: Item, classifier: Classifier) -> Inferred:
    """Classify an item, here and now.

    Raises:
        PictureError: the picture cannot be read.
    """
    began = time.perf_counter()
    probabilities = classifier.probabilities(item.picture)
    return Inferred(probabilities, (time.perf_counter() - began) * 1000)


def threads_each(model_bytes: int, threads: int) -> int:
    """Threads for an interpreter, where `threads` cores infer as many pictures as they can.

    One, so that each core has a picture of its own, unless the model is so large that its copies
    would take more than 64 MB.

    Args:
        model_bytes: the model's size.
        threads: 1 or more.
    """
    interpreters = min(threads, max(1, _COPIES_BYTES // model_bytes))
    return threads // interpreters


class Prefetcher:
    """Items in their order, decoded and inferred in threads before they are asked for.

    Decoding begins at once, and inferring with `infer_with`, which `results` calls.
    Not for a camera, whose frames would grow old meanwhile. At most four times `threads` items are
    prefetched, of a video each with its whole frame; only `threads` pictures are decoded at a time.
    Close it, so that no more are.
    """

    # Threads of our own, which are daemons: Python waits at exit for those of its pools, and so
    # for a line on stdin that may never come.
    def __init__(
        self,
        items: Iterable[Item | Problem],
        input_size: InputSize,
        *,
        threads: int | None = None,
    ) -> None:
        """Begin.

        Args:
            items: taken one by one, by whichever thread is free.
            input_size: of the model's input.
            threads: default the cores here, 4 at most.
        """
        self._threads = threads or default_threads()
        self._items = iter(items)
        self._input_size = input_size
        self._taking = threading.Lock()
        self._room = threading.Semaphore(4 * self._threads)
        self._entries: queue.SimpleQueue[_Entry] = queue.SimpleQueue()
        self._over = self._stopped = self._ended = False
        self._working = 0
        self._work_ended = threading.Condition()
        # Those that no thread is inferring with; None where there will be no more.
        self._idle: queue.SimpleQueue[Classifier | None] = queue.SimpleQueue()
        self._copying = threading.Lock()
        self._classifier: Classifier | None = None
        self._copies = 0
        for number in range(self._threads):
            threading.Thread(target=self._run, daemon=True, name=f"decoder {number}").start()

    def infer_with(self, classifier: Classifier) -> None:
        """Infer what is decoded with `classifier` and copies of it; once.

        There are as many as have threads: see `threads_each`. Nobody else may use it from now on.
        """
        with self._copying:
            self._classifier = classifier
            self._copies = max(1, self._threads // classifier.threads) - 1
        self._idle.put(classifier)

    def __iter__(self) -> "Prefetcher":
        return self

    def __next__(self) -> Prefetched | Problem:
        assert self._classifier, "infer_with comes first: else the threads wait for it indefinitely"
        if self._ended:
            raise StopIteration
        entry = self._entries.get()
        self._room.release()
        if isinstance(entry, Prefetched | Problem):
            return entry
        self.close()
        raise entry or StopIteration

    def close(self) -> None:
        """Let no more pictures be decoded, and wait a moment for those that are being inferred."""
        self._over = self._ended = True
        # One wakes the next: see _run.
        self._room.release()
        self._idle.put(None)
        # A thread that comes back from OpenCV to a Python that is going away ends the whole process
        # with an abort. One that waits for a line on stdin is not waited for any longer than this.
        with self._work_ended:
            self._stopped = True
            self._work_ended.wait_for(lambda: not self._working, _STOP_SECONDS)

    def _run(self) -> None:
        while self._room.acquire() and self._work_on_one():
            pass
        self._room.release()

    def _work_on_one(self) -> bool:
        """Take an item and infer it; False when there is no more to do."""
        with self._work_ended:
            if self._stopped:
                return False
            self._working += 1
        try:
            entry = self._take()
            if isinstance(entry, Prefetched) and not self._stopped:
                self._infer(entry)
            return entry is not None
        finally:
            with self._work_ended:
                self._working -= 1
                self._work_ended.notify_all()

    def _take(self) -> Prefetched | Problem | None:
        """The next item, queued in its order; None when there is no more to do."""
        with self._taking:
            if self._over:
                return None
            try:
                item = next(self._items, None)
            except BaseException as error:
                self._over = True
                self._entries.put(error)
                return None
            if item is None:
                self._over = True
                self._entries.put(None)
                return None
            entry = item if isinstance(item, Problem) else Prefetched(item)
            self._entries.put(entry)
            return entry

    def _infer(self, entry: Prefetched) -> None:
        try:
            began = time.perf_counter()
            pixels = model_input(entry.item.picture, self._input_size)
            seconds = time.perf_counter() - began
            classifier = self._free_classifier()
            if classifier is None:
                return
            try:
                began = time.perf_counter()
                probabilities = classifier.infer(pixels)
                seconds += time.perf_counter() - began
            finally:
                self._idle.put(classifier)
            entry.set_outcome(Inferred(probabilities, seconds * 1000))
        except BaseException as error:
            entry.set_outcome(error)

    def _free_classifier(self) -> Classifier | None:
        """One that no other thread is inferring with, waited for; None when there will be none."""
        try:
            classifier = self._idle.get_nowait()
        except queue.Empty:
            if original := self._to_copy():
                return original.copy()
            classifier = self._idle.get()
        if classifier is None:
            self._idle.put(None)
        return classifier

    def _to_copy(self) -> Classifier | None:
        """The classifier, where one more copy of it may be made."""
        with self._copying:
            if not self._copies:
                return None
            self._copies -= 1
            return self._classifier
