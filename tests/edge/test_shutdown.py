"""Signals end a run between two results."""

import os
import signal
import threading
from collections.abc import Callable

import pytest

from edgetl.edge.system.shutdown import GracefulShutdown

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals to oneself")


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def terminate() -> None:
    signal.raise_signal(signal.SIGTERM)


@pytest.mark.parametrize(
    ("stop", "expected"), [(interrupt, KeyboardInterrupt), (terminate, SystemExit)]
)
def test_a_signal_stops_at_once_where_nothing_is_written(
    stop: Callable[[], None], expected: type[BaseException]
) -> None:
    with pytest.raises(expected) as caught, GracefulShutdown():  # noqa: PT012
        stop()
        pytest.fail("went on")
    if isinstance(caught.value, SystemExit):
        assert caught.value.code == 143


@pytest.mark.parametrize(
    ("stop", "expected"), [(interrupt, KeyboardInterrupt), (terminate, SystemExit)]
)
def test_a_result_that_is_being_written_is_written_whole(
    stop: Callable[[], None], expected: type[BaseException]
) -> None:
    written = []
    with pytest.raises(expected), GracefulShutdown() as stopping:  # noqa: PT012
        with stopping.later():
            stop()
            written.append("whole")
        pytest.fail("went on")
    assert written == ["whole"]


def test_a_second_signal_does_not_wait_for_a_sink_that_hangs() -> None:
    with pytest.raises(KeyboardInterrupt), GracefulShutdown() as stopping, stopping.later():  # noqa: PT012
        interrupt()
        interrupt()
        pytest.fail("went on")


def test_an_error_while_writing_is_not_hidden_by_a_signal() -> None:
    with pytest.raises(OSError, match="disk"), GracefulShutdown() as stopping, stopping.later():  # noqa: PT012
        terminate()
        raise OSError("disk")


def test_handlers_are_as_before_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with GracefulShutdown():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with GracefulShutdown():
            interrupt()
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_signals_stay_as_they_are() -> None:
    seen = []

    def run() -> None:
        with GracefulShutdown():
            seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
