"""Warnings of what is lost and comes back, without a journal full of them where that goes on."""

import time

from edgetl.edge.errors import plural
from edgetl.edge.system.messages import logger

# The first losses are each worth a line; of more, one in ten minutes is, until it was well for as
# long.
_FIRST = 3
_SELDOM_SECONDS = 600.0

# One that is not back after so long is worth a line in any case.
_AWAY_SECONDS = 30.0


class FlappingLog:
    """Logs that one thing is lost, and says whether it is to be logged that it is back.

    It is used by one thread at a time.
    """

    def __init__(self) -> None:
        self._losses = 0
        self._unsaid = 0
        self._lost = self._said = time.monotonic()
        self._line = ""

    def lost(self, line: str) -> None:
        """It is lost, which `line` says."""
        before, self._lost = self._lost, time.monotonic()
        if self._lost - before > _SELDOM_SECONDS:
            self._losses = 0
        self._losses += 1
        self._line = line
        if self._losses == _FIRST:
            line += f"; lost {_FIRST} times: from now on only some of them are said"
        if self._losses <= _FIRST or self._lost - self._said > _SELDOM_SECONDS:
            self._say(line)
        else:
            self._unsaid += 1

    def still_lost(self) -> None:
        """It is not back yet."""
        if self._line and time.monotonic() - self._lost > _AWAY_SECONDS:
            self._say(self._line)

    def back(self) -> bool:
        """It is back; whether that is worth a line, as where the loss was."""
        said, self._line = not self._line, ""
        return said

    def _say(self, line: str) -> None:
        if self._unsaid:
            line += f" ({plural(self._unsaid, 'time')} since this was last said)"
        logger.warning(line)
        self._said, self._unsaid, self._line = time.monotonic(), 0, ""
