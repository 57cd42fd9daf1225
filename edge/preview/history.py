"""What was seen lately: the label of each half second."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass

STEP_SECONDS = 0.5
SPAN_SECONDS = 120.0


@dataclass(frozen=True)
class Mark:
    """The commonest label of half a second.

    Attributes:
        step: which half second, counted from the monotonic clock's zero.
        index: of the label; None for "unsure".
        probability: the mean of its results there, 0..1.
    """

    step: int
    index: int | None
    probability: float


class History:
    """The marks of the last two minutes. Not safe to share between threads."""

    def __init__(self) -> None:
        self._marks: deque[Mark] = deque(maxlen=round(SPAN_SECONDS / STEP_SECONDS))
        self._step = -1
        self._counts: Counter[int | None] = Counter()
        self._sums: defaultdict[int | None, float] = defaultdict(float)

    def add(self, index: int | None, probability: float, *, now: float) -> None:
        """Note a result. `now` is in seconds of the monotonic clock."""
        step = int(now / STEP_SECONDS)
        if step != self._step:
            self._marks.extend(self._open())
            self._counts.clear()
            self._sums.clear()
            self._step = step
        self._counts[index] += 1
        self._sums[index] += probability

    def marks(self) -> list[Mark]:
        """From old to new, one for each half second that had results, up to two minutes of them."""
        everything = [*self._marks, *self._open()]
        oldest = self._step - round(SPAN_SECONDS / STEP_SECONDS)
        return [mark for mark in everything if mark.step > oldest]

    def _open(self) -> list[Mark]:
        """The mark of the half second that is still going on."""
        if not self._counts:
            return []
        (index, count) = self._counts.most_common(1)[0]
        return [Mark(self._step, index, self._sums[index] / count)]
