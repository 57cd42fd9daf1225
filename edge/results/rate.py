"""How many results come a second."""

from collections import deque

_RESULTS = 60


class Rate:
    """Results a second, over the last few. Not safe to share between threads."""

    def __init__(self, *, seconds: float) -> None:
        """`seconds`: results that are older than this do not count."""
        self._seconds = seconds
        self._times: deque[float] = deque(maxlen=_RESULTS)

    def add(self, *, now: float) -> None:
        """Note a result. `now` is in seconds of the monotonic clock."""
        self._times.append(now)
        while now - self._times[0] > self._seconds:
            self._times.popleft()

    def per_second(self) -> float | None:
        """None before there are two results close enough to say."""
        if len(self._times) < 2 or self._times[-1] == self._times[0]:
            return None
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])
