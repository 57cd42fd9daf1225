"""Signals end a run between two results, never while one is written."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Not every system has all three.
_SIGNALS = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]


class GracefulShutdown:
    """While it is entered, SIGINT raises KeyboardInterrupt, and SIGTERM and SIGHUP SystemExit.

    The status is what a shell reports, 128 + the number. (For systemd: SuccessExitStatus=143.)

    Enter it in the main thread; elsewhere signals stay as they are.
    """

    def __init__(self) -> None:
        self._before: dict[int, Any] = {}
        self._busy = False
        self._pending: int | None = None

    def __enter__(self) -> "GracefulShutdown":
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                # A shell that starts a command with & or nohup has it ignore some signals.
                if signal.getsignal(number) is not signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def later(self) -> Iterator[None]:
        """Let a signal wait until the block has ended. A second one does not wait."""
        self._busy = True
        try:
            yield
        finally:
            self._busy = False
        if self._pending is not None:
            self._stop(self._pending)

    def _signalled(self, number: int, _: FrameType | None) -> None:
        if self._busy and self._pending is None:
            self._pending = number
            return
        self._stop(number)

    def _stop(self, number: int) -> None:
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)
