"""Decoding pictures in a few threads while the interpreter is busy with the ones before.

Pillow and OpenCV let go of Python's lock while they decode, and so do both runtimes while they
infer. Measured with 12-megapixel JPEGs: see `python -m benchmarks.device`.
"""

import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from edge.preprocessing import InputGeometry, Pixels, model_input
from edge.runtime import default_threads
from edge.sources import Item, Problem


@dataclass(frozen=True, eq=False)
class Decoded:
    """The model's input for an item, and what making it took.

    Attributes:
        pixels: uint8 [height, width, 3] RGB, of the model's own size.
        milliseconds: from the file or frame to `pixels`.
    """

    pixels: Pixels
    milliseconds: float


class Pending:
    """What a thread is making. (A concurrent.futures.Future takes longer to import.)"""

    def __init__(self) -> None:
        self._over = threading.Event()
        self._made: Decoded | BaseException | None = None

    def end(self, made: Decoded | BaseException) -> None:
        """Hand it over, or what went wrong; once."""
        self._made = made
        self._over.set()

    def result(self, timeout: float | None = None) -> Decoded:
        """Wait for it.

        Raises:
            PictureError: the picture cannot be read.
            TimeoutError: it takes longer than `timeout` seconds.
        """
        if not self._over.wait(timeout):
            raise TimeoutError
        if isinstance(self._made, Decoded):
            return self._made
        assert self._made is not None
        raise self._made


@dataclass(frozen=True, eq=False)
class Ahead:
    """An item whose pixels are in the making."""

    item: Item
    decoded: Pending


# How long stopping waits for pictures in the works; Ctrl-C must end a run within a second.
_STOP_SECONDS = 0.5

_Entry: TypeAlias = Ahead | Problem | BaseException | None


def decode(item: Item, geometry: InputGeometry) -> Decoded:
    """Make the model's input for an item, here and now.

    Raises:
        PictureError: the picture cannot be read.
    """
    began = time.perf_counter()
    pixels = model_input(item.picture, geometry)
    return Decoded(pixels, (time.perf_counter() - began) * 1000)


class ReadAhead:
    """Items in their order, decoded in threads some way ahead of the one that is asked for.

    Decoding begins at once. Not for a camera, whose frames would grow old on the way. At most four
    times `threads` items are ahead, each with the model's input and, of a video, its whole frame;
    only `threads` pictures are decoded at a time. Close it, so that no more are.
    """

    # Threads of our own, which are daemons: Python waits at exit for those of its pools, and so
    # for a line on stdin that may never come.
    def __init__(
        self,
        items: Iterable[Item | Problem],
        geometry: InputGeometry,
        *,
        threads: int | None = None,
    ) -> None:
        """Begin.

        Args:
            items: taken one by one, by whichever thread is free.
            geometry: of the model's input.
            threads: default the cores here, 4 at most.
        """
        threads = threads or default_threads()
        self._items = iter(items)
        self._geometry = geometry
        self._taking = threading.Lock()
        self._room = threading.Semaphore(4 * threads)
        self._entries: queue.SimpleQueue[_Entry] = queue.SimpleQueue()
        self._over = self._stopped = self._ended = False
        self._working = 0
        self._rested = threading.Condition()
        for number in range(threads):
            threading.Thread(target=self._run, daemon=True, name=f"decoder {number}").start()

    def __iter__(self) -> "ReadAhead":
        return self

    def __next__(self) -> Ahead | Problem:
        if self._ended:
            raise StopIteration
        entry = self._entries.get()
        self._room.release()
        if isinstance(entry, Ahead | Problem):
            return entry
        self.close()
        raise entry or StopIteration

    def close(self) -> None:
        """Let no more pictures be decoded, and wait a moment for those in the works."""
        self._over = self._ended = True
        # One wakes the next: see _run.
        self._room.release()
        # A thread that comes back from OpenCV to a Python that is going away ends the whole process
        # with an abort. One that waits for a line on stdin is not waited for any longer than this.
        with self._rested:
            self._stopped = True
            self._rested.wait_for(lambda: not self._working, _STOP_SECONDS)

    def _run(self) -> None:
        while self._room.acquire() and self._goes_on():
            pass
        self._room.release()

    def _goes_on(self) -> bool:
        """Take an item and decode it; False when there is no more to do."""
        with self._rested:
            if self._stopped:
                return False
            self._working += 1
        try:
            ahead = self._take()
            if isinstance(ahead, Ahead) and not self._stopped:
                self._decode(ahead)
            return ahead is not None
        finally:
            with self._rested:
                self._working -= 1
                self._rested.notify_all()

    def _take(self) -> Ahead | Problem | None:
        """The next item, put in its place in the order; None when there is no more to do."""
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
            entry = item if isinstance(item, Problem) else Ahead(item, Pending())
            self._entries.put(entry)
            return entry

    def _decode(self, ahead: Ahead) -> None:
        try:
            ahead.decoded.end(decode(ahead.item, self._geometry))
        except BaseException as error:
            ahead.decoded.end(error)
