"""Who is watching, so that no more than a few do."""

LIMIT = 8
# How long a viewer who no longer asks keeps the place: longer than a question may take.
LINGER_SECONDS = 10.0


class Viewers:
    """The viewers of the last seconds, by the names that their pages made up for themselves."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._seen: dict[str, float] = {}

    def admit(self, name: str, *, now: float) -> bool:
        """Note that `name` asks, at `now` in seconds; False if there is no place for one more."""
        if name not in self._seen and self.full(now=now):
            return False
        self._seen[name] = now
        return True

    def full(self, *, now: float) -> bool:
        """Whether every place is taken, at `now` in seconds."""
        self._seen = {n: seen for n, seen in self._seen.items() if now - seen < LINGER_SECONDS}
        return len(self._seen) >= self._limit
