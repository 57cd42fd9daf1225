"""How far long work is, as a line on stderr now and then, and that it can be gone on with."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from edgetl.edge.system.messages import logger

_EVERY_SECONDS = 30.0


@contextmanager
def stopped_said() -> Iterator[None]:
    """Say at Ctrl-C that what is done stays, so that nobody begins elsewhere again."""
    try:
        yield
    except KeyboardInterrupt:
        logger.info("stopped; what is done stays, and the same command goes on behind it")
        raise


class Progress:
    """Counts what is done, and logs it every half minute: how many, how fast, how long it takes."""

    def __init__(self, noun: str, *, total: int | None = None) -> None:
        """
        Args:
            noun: what is counted, in words behind the number.
            total: how many there will be; None if nobody knows.
        """
        self._noun = noun
        self.total = total
        self._done = 0
        self._skipped = 0
        self._began = self._said = time.monotonic()

    def add(self, count: int, *, skipped: bool = False) -> None:
        """Count some more; `skipped` what was done before and says nothing of the rate."""
        self._done += count
        self._skipped += count if skipped else 0
        now = time.monotonic()
        if now - self._said >= _EVERY_SECONDS and self._done > self._skipped:
            self._said = now
            logger.info(self._line(now - self._began))

    def _line(self, seconds: float) -> str:
        rate = (self._done - self._skipped) / seconds
        if self.total is None:
            return f"{self._done:,} {self._noun}, {rate:,.0f} a second"
        share = 100 * self._done / self.total
        left = shown_time((self.total - self._done) / rate)
        return (
            f"{self._done:,} of {self.total:,} {self._noun} ({share:.1f} %), {rate:,.0f} a second, "
            f"{left} left"
        )


def shown_time(seconds: float) -> str:
    """Seconds as a person says them: 40 s, 12 min, 3 h 20 min."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
