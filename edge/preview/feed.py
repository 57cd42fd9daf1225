"""The newest result, passed from the thread that classifies to the viewers."""

import asyncio
import secrets
import threading
import time
from collections.abc import Sequence
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


class Feed:
    """Has the newest result, which is encoded once, and only if a viewer asks for it.

    `write` is for the thread that classifies; `after` for coroutines of one event loop.

    Attributes:
        run: distinguishes this feed's numbers from those of an earlier process.
        encoded: how many pictures have been encoded.
        corrections: what keeps pictures that are wrong; for the event loop.
    """

    def __init__(
        self,
        labels: Sequence[str],
        evidence: LiveEvidence | None = None,
        corrections: Corrections | None = None,
        *,
        pause: str = "",
    ) -> None:
        """
        Args:
            labels: of all classes, in order.
            evidence: what lays the evidence for a label over its picture; None if nothing can.
            corrections: what keeps pictures that are wrong; None if they are not kept.
            pause: a sentence that says why no picture may come for a while.
        """
        self.corrections = corrections
        self.run = secrets.token_hex(4)
        self.encoded = 0
        self._labels = tuple(labels)
        self._newest: Newest[Result] = Newest()
        self._lock = threading.Lock()
        self._history, self._rate = History(), Rate(seconds=_RATE_SECONDS)
        self._evidence = evidence
        self._pause = pause
        # The newest that was sent without and with evidence, and when.
        self._shown: dict[bool, tuple[Shown, float]] = {}

    def write(self, result: Result) -> None:
        """Replace the newest result. Takes microseconds, and waits for no viewer."""
        now = time.monotonic()
        with self._lock:
            self._history.add(result.index, result.predictions[0].probability, now=now)
            self._rate.add(now=now)
        self._newest.write(result)

    def close(self) -> None:
        """End every wait. May be called from any thread."""
        self._newest.close()

    @property
    def closed(self) -> bool:
        """Whether no more results come."""
        return self._newest.closed

    def age(self) -> float | None:
        """Seconds since the newest result; None before the first."""
        return self._newest.age()

    async def after(self, number: int, *, seconds: float, why: bool = False) -> Shown | None:
        """The newest result, once it is newer than `number`; None if none comes in time.

        A viewer that is slower than the results skips all but the newest. With `why` the evidence
        for the label is laid over the picture.
        """
        why = why and self._evidence is not None
        ends = time.monotonic() + seconds
        while not self.closed:
            if await self._newest.is_newer(number, seconds=ends - time.monotonic()):
                shown, at = self._shown.get(why, (None, float("-inf")))
                rest = at + _SHORTEST_SECONDS[why] - time.monotonic()
                if (
                    shown
                    and shown.number > number
                    and (shown.number == self._newest.number or rest > 0)
                ):
                    return shown
                if rest <= 0:
                    return self._show(why)
                await asyncio.sleep(rest)
            elif time.monotonic() >= ends:
                return None
        return None

    def _show(self, why: bool) -> Shown:
        # It has no await, so one encoding serves all viewers.
        result, number, at = self._newest.read()
        step = int(at / STEP_SECONDS)
        with self._lock:
            marks, rate = self._history.marks(), self._rate.per_second()
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
        self._shown[why] = shown, time.monotonic()
        return shown
