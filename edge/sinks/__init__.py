"""Where results go. A sink takes results one by one; any number of sinks take the same ones.

A custom sink is any object with these two methods.
"""

from typing import Protocol

from edgetl.edge.errors import SinkError
from edgetl.edge.results.result import Result


class Sink(Protocol):
    """Takes results, from one thread. It is closed once, however the run ends."""

    def write(self, result: Result) -> None:
        """Take a result.

        Raises:
            SinkError: it cannot be taken, and no later one can.
            RunEnded: the person at this sink wants no more results, anywhere.
        """

    def close(self) -> None:
        """Finish what was written.

        Raises:
            SinkError: some of the results are lost.
        """


class Listener(Sink, Protocol):
    """A sink that also learns of frames without a result."""

    def alive(self) -> None:
        """A frame came and was left out, because nothing moved in it or it was not due."""


class ReaderGoneError(SinkError):
    """The reader of a sink has left, as `| head` does: no failure, and not logged."""


class RunEnded(Exception):  # noqa: N818 - no error
    """A person ended the whole run at a sink, as with `q` in a window."""
