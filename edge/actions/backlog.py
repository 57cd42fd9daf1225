"""What waits to be done by a thread of its own, so that no result waits for it."""

import math
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Work = TypeVar("Work")

# Where as many wait as should, a result of a file waits so many seconds for room, and is then added
# anyway, because signals are handled only between two results.
_PAUSE = 0.2
# Where a camera's run ends by itself, or goes on with another model.
_LIVE_PATIENCE = 5.0


class Backlog(Generic[Work]):
    """Does pieces of work one by one, in a thread; who adds one does not wait until it is done.

    Of live cameras no more than `bound` wait: the newest take the place of the oldest; or, where
    work is for a source, of the oldest of that source. Results of
    files come slower instead, as long as there is hope that what waits will be done.

    Attributes:
        left: how many pieces were not done when it was closed.
    """

    def __init__(
        self,
        do: Callable[[Work], None],
        *,
        name: str,
        bound: int,
        live: bool,
        hopeful: Callable[[], bool] = lambda: True,
    ) -> None:
        """Start the thread.

        Args:
            do: does one piece; it raises nothing.
            name: of the thread.
            bound: how many wait, 1 or more; of cameras for each source.
            live: whether the results are those of a live camera, and not of files.
            hopeful: whether to wait for what is not done, when results of files come faster, and at
                the end.
        """
        self.left = 0
        self._do = do
        self._bound = bound
        self._live = live
        self._hopeful = hopeful
        self._changed = threading.Condition()
        # What follows is guarded by _changed.
        self._waiting: deque[tuple[str, Work]] = deque()
        self._doing = self._leaving = False
        # A daemon thread: a server that does not answer must not keep the process running.
        threading.Thread(target=self._work, daemon=True, name=name).start()

    def add(self, work: Work, *, source: str = "") -> int:
        """Let it be done, and say how many older pieces it has taken the place of."""
        with self._changed:
            if not self._live:
                self._changed.wait_for(
                    lambda: len(self._waiting) < self._bound or not self._hopeful(), timeout=_PAUSE
                )
            bounded = self._live or not self._hopeful()
            alike = [one for one in self._waiting if one[0] == source or not self._live]
            excess = alike[: max(0, len(alike) + 1 - self._bound)] if bounded else []
            for one in excess:
                self._waiting.remove(one)
            self._waiting.append((source, work))
            self._changed.notify_all()
        return len(excess)

    def pause(self, seconds: float) -> bool:
        """Wait, for the thread; whether it is closed meanwhile, so that there is nothing to do."""
        with self._changed:
            return self._changed.wait_for(lambda: self._leaving, timeout=seconds)

    @property
    def closed(self) -> bool:
        """Whether nobody waits for the thread any more."""
        return self._leaving

    def close(self, *, hurry: float) -> int:
        """Wait for what is not done while there is hope, and give up the rest; `left` is how many.

        Of a camera it is not waited for longer than 5 seconds.

        Args:
            hurry: seconds for it where a signal ends the run, which must stop within one.
        """
        # Sinks are closed while what a signal raised passes through the program.
        interrupted = isinstance(sys.exception(), KeyboardInterrupt | SystemExit)
        patience = _LIVE_PATIENCE if self._live else math.inf
        ends = time.monotonic() + (hurry if interrupted else patience)
        try:
            with self._changed:
                while self._undone() and self._hopeful():
                    # There is less hope with time, which wakes nobody.
                    left = min(ends - time.monotonic(), _PAUSE)
                    if left <= 0:
                        break
                    self._changed.wait(timeout=left)
        finally:
            with self._changed:
                self.left = self._undone()
                self._waiting.clear()
                self._leaving = True
                self._changed.notify_all()
        return self.left

    def _undone(self) -> int:
        return len(self._waiting) + self._doing

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting) or self._leaving)
                if self._leaving:
                    return
                _, work = self._waiting.popleft()
                self._doing = True
                self._changed.notify_all()
            try:
                self._do(work)
            finally:
                with self._changed:
                    self._doing = False
                    self._changed.notify_all()
