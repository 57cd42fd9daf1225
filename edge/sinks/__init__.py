"""Where results go. A sink takes results one by one; any number of them take the same ones.

A sink of one's own is any object with these two methods.
"""

from typing import Protocol

from edgetl.edge.errors import SinkError
from edgetl.edge.results.result import Result


class Sink(Protocol):
    """Takes results, from one thread, and is closed once, however the run ends."""

    def write(self, result: Result) -> None:
        """Take a result.

        Raises:
            SinkError: it cannot be taken, and no later one can.
            RunEnded: the person at this sink wants no more results, anywhere.
        """

    def close(self) -> None:
        """Leave whole what was written.

        Raises:
            SinkError: something of what was taken is lost.
        """


class ReaderGoneError(SinkError):
    """Whoever read a sink has had enough, as `| head` has: no fault, and nothing to tell."""


class RunEnded(Exception):  # noqa: N818 - nothing is wrong when a person ends a run
    """A person ended the whole run from inside a sink, as with `q` in a window."""
