"""The newest of what one thread makes, for coroutines of another thread's event loop."""

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Newest(Generic[_T]):
    """Holds the newest value. `write` takes microseconds, and waits for nobody.

    Attributes:
        closed: whether no more values come.
    """

    def __init__(self, numbers: Iterator[int] | None = None) -> None:
        """`numbers` gives each value its own, from 1 and rising; one thread takes them."""
        self._numbers = numbers or itertools.count(1)
        self.closed = False
        self._lock = threading.Lock()
        self._value: _T | None = None
        self._number = 0
        self._time = 0.0
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def number(self) -> int:
        """That of the newest value; 0 before the first."""
        return self._number

    def write(self, value: _T) -> None:
        """Replace the newest value."""
        with self._lock:
            self._value, self._time = value, time.monotonic()
            self._number = next(self._numbers)
        self._wake()

    def read(self) -> tuple[_T, int, float]:
        """The newest value, its number, and when it came, in seconds of time.monotonic()."""
        with self._lock:
            assert self._value is not None
            return self._value, self._number, self._time

    def close(self) -> None:
        """End every wait. May be called from any thread."""
        with self._lock:
            self.closed = True
        self._wake()

    def age(self) -> float | None:
        """Seconds since the newest value; None before the first."""
        return time.monotonic() - self._time if self._number else None

    async def is_newer(self, number: int, *, seconds: float) -> bool:
        """Whether there is a value after `number`, now or within `seconds`."""
        with self._lock:
            if self._number > number:
                return True
            if self.closed or seconds <= 0:
                return False
            changed = asyncio.get_running_loop().create_future()
            self._waiting.append(changed)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(changed, seconds)
        with self._lock:
            if changed in self._waiting:
                self._waiting.remove(changed)
            return self._number > number

    def _wake(self) -> None:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        if waiting:
            # The loop is closed if the server stopped during a wait.
            with contextlib.suppress(RuntimeError):
                waiting[0].get_loop().call_soon_threadsafe(_release, waiting)


def _release(waiting: list[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
