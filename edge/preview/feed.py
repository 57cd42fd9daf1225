"""The newest result, passed from the thread that classifies to the viewers."""

import asyncio
import itertools
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgetl.edge.preview.corrections import Corrections
from edgetl.edge.preview.evidence import LiveEvidence
from edgetl.edge.preview.history import STEP_SECONDS, History
from edgetl.edge.preview.message import body, facts, jpeg, shown_pixels
from edgetl.edge.preview.newest import Newest
from edgetl.edge.results.rate import Rate
from edgetl.edge.results.result import Result

# More pictures a second are not noticed, and each has to be encoded; or, of the second kind, to be
# inferred again.
_SHORTEST_SECONDS = {False: 1 / 30, True: 1 / 10}
_RATE_SECONDS = 5.0


@dataclass(frozen=True)
class Shown:
    """A result as it is sent.

    Attributes:
        number: counts the results, from 1.
        body: for the page: the facts and the picture, see `edge.preview.message`.
        picture: a JPEG; empty if its file is gone.
        result: what is shown.
    """

    number: int
    body: bytes
    picture: bytes
    result: Result


class _Source:
    """What is known of one source."""

    def __init__(self, numbers: Iterator[int]) -> None:
        self.newest: Newest[Result] = Newest(numbers)
        self.history, self.rate = History(), Rate(seconds=_RATE_SECONDS)
        # The newest that was sent without and with evidence, and when.
        self.shown: dict[bool, tuple[Shown, float]] = {}


class Feed:
    """Has the newest result of each source, which is encoded once, and only if a viewer asks.

    `write` is for the thread that classifies; `after` for coroutines of one event loop.

    Attributes:
        run: distinguishes this feed's numbers from those of an earlier process.
        sources: their names, of which a viewer asks for one; none where there is one without.
        encoded: how many pictures have been encoded.
        closed: whether no more results come.
        corrections: what keeps pictures that are wrong; for the event loop.
    """

    def __init__(
        self,
        labels: Sequence[str],
        evidence: LiveEvidence | None = None,
        corrections: Corrections | None = None,
        *,
        sources: Sequence[str] = (),
        pause: str = "",
    ) -> None:
        """
        Args:
            labels: of all classes, in order.
            evidence: what lays the evidence for a label over its picture; None if nothing can.
            corrections: what keeps pictures that are wrong; None if they are not kept.
            sources: the names of those that have one.
            pause: a sentence that says why no picture may come for a while.
        """
        self.corrections = corrections
        self.run = secrets.token_hex(4)
        self.sources = tuple(sources)
        self.encoded = 0
        self._labels = tuple(labels)
        # No number is that of two sources: a viewer may change from one to another.
        numbers = itertools.count(1)
        self._sources = {name: _Source(numbers) for name in self.sources or ("",)}
        self._first = next(iter(self._sources.values()))
        self._lock = threading.Lock()
        self._evidence = evidence
        self._pause = pause
        self.closed = False

    def write(self, result: Result) -> None:
        """Replace the newest result of its source. Takes microseconds, and waits for no viewer."""
        now = time.monotonic()
        source = self._sources.get(result.source, self._first)
        with self._lock:
            source.history.add(result.index, result.predictions[0].probability, now=now)
            source.rate.add(now=now)
        source.newest.write(result)

    def close(self) -> None:
        """End every wait. May be called from any thread."""
        self.closed = True
        for source in self._sources.values():
            source.newest.close()

    def has(self, name: str) -> bool:
        """Whether there is a source called so; "" stands for the first."""
        return not name or name in self._sources

    def age(self, name: str = "") -> float | None:
        """Seconds since the newest result of a source; None before the first."""
        return self._sources.get(name, self._first).newest.age()

    async def after(
        self, number: int, *, seconds: float, why: bool = False, name: str = ""
    ) -> Shown | None:
        """The newest result, once it is newer than `number`; None if none comes in time.

        A viewer that is slower than the results skips all but the newest. With `why` the evidence
        for the label is laid over the picture. `name` is the source's; without, the first.
        """
        why = why and self._evidence is not None
        source = self._sources.get(name, self._first)
        ends = time.monotonic() + seconds
        while not self.closed:
            if await source.newest.is_newer(number, seconds=ends - time.monotonic()):
                shown, at = source.shown.get(why, (None, float("-inf")))
                rest = at + _SHORTEST_SECONDS[why] - time.monotonic()
                if (
                    shown
                    and shown.number > number
                    and (shown.number == source.newest.number or rest > 0)
                ):
                    return shown
                if rest <= 0:
                    return self._show(source, why)
                await asyncio.sleep(rest)
            elif time.monotonic() >= ends:
                return None
        return None

    def _show(self, source: _Source, why: bool) -> Shown:
        # It has no await, so one encoding serves all viewers.
        result, number, at = source.newest.read()
        step = int(at / STEP_SECONDS)
        with self._lock:
            marks, rate = source.history.marks(), source.rate.per_second()
        described = facts(result, self._labels, marks, rate=rate, step=step)
        pixels, label = shown_pixels(result.picture), None
        if why and self._evidence and pixels is not None:
            pixels, label = self._evidence.over(pixels, result)
        described |= {"run": self.run, "number": number, "pause": self._pause}
        described |= {"explains": self._evidence is not None, "why": label}
        described |= {"corrects": self.corrections is not None}
        self.encoded += 1
        picture = jpeg(pixels)
        shown = Shown(number, body(described, picture), picture, result)
        source.shown[why] = shown, time.monotonic()
        return shown
