"""Several sinks as one: each goes on when another fails, and all are closed however a run ends."""

from contextlib import ExitStack

from edgetl.edge.errors import SinkError
from edgetl.edge.results.result import Result
from edgetl.edge.sinks import Listener, ReaderGoneError, RunEnded, Sink
from edgetl.edge.system.messages import logger


class FanOut:
    """Gives each result to every sink that still works. Use it as a context manager.

    A sink that fails is logged, once, as an error.

    Attributes:
        failures: how many sinks could not take, or keep, what was written to them.
    """

    def __init__(self) -> None:
        self.failures = 0
        self._sinks: list[Sink] = []
        self._listeners: list[Listener] = []

    def __enter__(self) -> "FanOut":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def open(self) -> bool:
        """Whether there is a sink left that takes results; listeners do not count."""
        return bool(self._sinks)

    def add(self, sink: Sink) -> None:
        """Give `sink` the results from now on, and close it with the others."""
        self._sinks.append(sink)

    def add_listener(self, sink: Listener) -> None:
        """As `add`, for one that keeps nothing: a run with listeners alone has no reason to go on.

        It gets a result after every sink.
        """
        self._listeners.append(sink)

    def alive(self) -> None:
        """Let the listeners know of a frame without a result."""
        for listener in self._listeners:
            listener.alive()

    def write(self, result: Result) -> None:
        """Give a result to every sink. One that fails is logged, closed and left out.

        Raises:
            RunEnded: a person at one of the sinks wants no more results; the others have this one.
        """
        ended: RunEnded | None = None
        for sink in (*self._sinks, *self._listeners):
            try:
                sink.write(result)
            except RunEnded as signal:
                ended = signal
            except SinkError as error:
                self._remove(sink)
                self._log(error)
                self._close(sink)
        if ended:
            raise ended

    def close(self) -> None:
        """Close every sink, whatever happens to another one's closing."""
        # A stack closes the last first: listeners learn of the end before the sinks finish.
        sinks = [*self._sinks, *self._listeners]
        self._sinks, self._listeners = [], []
        with ExitStack() as stack:
            for sink in sinks:
                stack.callback(self._close, sink)

    def close_sinks(self) -> None:
        """Close every sink, and go on with others that are added; listeners stay."""
        sinks, self._sinks = self._sinks, []
        for sink in sinks:
            self._close(sink)

    def _remove(self, sink: Sink) -> None:
        self._sinks = [one for one in self._sinks if one is not sink]
        self._listeners = [one for one in self._listeners if one is not sink]

    def _close(self, sink: Sink) -> None:
        try:
            sink.close()
        except SinkError as error:
            self._log(error)

    def _log(self, error: SinkError) -> None:
        if isinstance(error, ReaderGoneError):
            return
        self.failures += 1
        logger.error(str(error))
