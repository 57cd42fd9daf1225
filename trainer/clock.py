"""What the stages of a training take."""

import time


class Clock:
    """Seconds by stage; what passed since the last lap belongs to the stage that is named."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End a stage, or a part of one."""
        now = time.perf_counter()
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + now - self._last, 2)
        self._last = now
        self.seconds["total"] = round(now - self._began, 2)
