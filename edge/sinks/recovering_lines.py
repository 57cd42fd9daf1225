"""Lines to what may fail for a while, such as a disk that is full."""

import time
from collections.abc import Callable

from edgetl.edge.errors import SinkError
from edgetl.edge.sinks.lines import Lines
from edgetl.edge.sinks.outage import Outage

# A disk with hardly any room would else fail and work again many times a second.
_SECONDS_BETWEEN_TRIES = 2.0


class RecoveringLines:
    """Lines that are opened again after one could not be written. Lines until then are lost.

    That they fail, and that they work again, is logged, once each.
    """

    def __init__(self, name: str, open_lines: Callable[[], Lines]) -> None:
        """Open them.

        Args:
            name: what they are called in messages.
            open_lines: opens them, the first time as well.

        Raises:
            SinkError: they cannot be opened now.
        """
        self._open_lines = open_lines
        self._lines: Lines | None = open_lines()
        self._outage = Outage(name)
        self._error = SinkError(name)
        self._tried = 0.0

    def write(self, line: str) -> None:
        if self._lines is None and time.monotonic() - self._tried < _SECONDS_BETWEEN_TRIES:
            self._outage.failed(self._error)
            return
        try:
            if self._lines is None:
                self._lines = self._open_lines()
            self._lines.write(line)
        except SinkError as error:
            self._error = error
            self._tried = time.monotonic()
            self._outage.failed(error)
            if self._lines is not None:
                self._lines.close()
                self._lines = None
        else:
            self._outage.over()

    def close(self) -> None:
        if self._lines is not None:
            self._lines.close()
        self._outage.close()
