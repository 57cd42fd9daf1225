"""Where results go. A sink takes results one by one; any number of them take the same ones.

A sink of one's own is any object with these two methods.
"""

from typing import Protocol

from edge.results import Result


class Sink(Protocol):
    """Takes results, from one thread, and is closed once, however the run ends."""

    def write(self, result: Result) -> None:
        """Take a result.

        Raises:
            SinkError: it cannot be taken, and no later one can.
        """

    def close(self) -> None:
        """Leave whole what was written."""
