"""The number of viewers, which is limited."""

LIMIT = 8
# Seconds after its last request until a viewer no longer counts: longer than a request takes.
LINGER_SECONDS = 10.0


class Viewers:
    """The viewers of the last seconds, by the random names that their pages chose."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._seen: dict[str, float] = {}

    def admit(self, name: str, *, now: float) -> bool:
        """Note a request of `name` at `now`, in seconds; False if there are too many viewers."""
        if name not in self._seen and self.full(now=now):
            return False
        self._seen[name] = now
        return True

    def full(self, *, now: float) -> bool:
        """Whether the limit is reached at `now`, in seconds."""
        self._seen = {n: seen for n, seen in self._seen.items() if now - seen < LINGER_SECONDS}
        return len(self._seen) >= self._limit
