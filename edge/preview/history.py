"""The labels of the last two minutes, one for each half second."""

from collections import Counter, defaultdict, deque
from dataclasses import dataclass

STEP_SECONDS = 0.5
SPAN_SECONDS = 120.0


@dataclass(frozen=True)
class Mark:
    """The most frequent label of half a second.

    Attributes:
        step: which half second, counted from the monotonic clock's zero.
        index: of the class; None for "unsure".
        probability: the mean of its results, 0..1.
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
            self._marks.extend(self._current())
            self._counts.clear()
            self._sums.clear()
            self._step = step
        self._counts[index] += 1
        self._sums[index] += probability

    def marks(self) -> list[Mark]:
        """From old to new, one for each half second with results, up to two minutes of them."""
        all_marks = [*self._marks, *self._current()]
        oldest = self._step - round(SPAN_SECONDS / STEP_SECONDS)
        return [mark for mark in all_marks if mark.step > oldest]

    def _current(self) -> list[Mark]:
        """The mark of the current half second."""
        if not self._counts:
            return []
        ((index, count),) = self._counts.most_common(1)
        return [Mark(self._step, index, self._sums[index] / count)]
