"""What is lost again and again is said now and then, and what stays away is said in any case."""

import logging
from collections.abc import Callable

import pytest

from edgetl.edge.sources import camera as camera_module
from edgetl.edge.sources.camera import Camera
from edgetl.edge.system import flapping
from edgetl.edge.system.flapping import FlappingLog
from tests.edge.conftest import Stream


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(flapping, "time", made)
    return made


def flap(log: FlappingLog, clock: Clock, times: int, *, each: float = 2.0) -> list[bool]:
    said = []
    for _ in range(times):
        clock.now += each / 2
        log.lost("cam: lost")
        clock.now += each / 2
        log.still_lost()
        said.append(log.back())
    return said


def test_of_a_day_of_losses_few_lines_are_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log = FlappingLog()
    said = flap(log, clock, 43_200)
    # Each ten minutes one, and the first three.
    assert 140 <= len(caplog.messages) <= 150
    assert said.count(True) == len(caplog.messages)
    assert said[:4] == [True, True, True, False]
    assert caplog.messages[:2] == ["cam: lost"] * 2
    assert "only some" in caplog.messages[2]
    assert caplog.messages[3] == "cam: lost (300 times since this was last said)"
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_one_that_stays_away_is_said_once(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    log = FlappingLog()
    flap(log, clock, 5)
    caplog.clear()
    log.lost("cam: lost")
    for _ in range(100):
        clock.now += 10
        log.still_lost()
    assert caplog.messages == ["cam: lost (3 times since this was last said)"]
    assert log.back()


def test_after_a_quiet_time_each_is_said_again(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    log = FlappingLog()
    flap(log, clock, 5)
    caplog.clear()
    clock.now += 601
    assert flap(log, clock, 2) == [True, True]
    assert [line.partition(" (")[0] for line in caplog.messages] == ["cam: lost"] * 2


def test_a_stream_that_flaps_is_classified_with_few_lines(
    serve: Callable[[Stream], str],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(camera_module, "FIRST_WAIT", 0.05)
    monkeypatch.setattr(camera_module, "LONGEST_WAIT", 0.05)
    with Camera(serve(Stream(frames=10, fps=100))) as camera:
        for item in camera:
            if (item.frame or 0) > 80:
                break
    # Eight connections.
    assert [line.partition(": ")[2].split()[0] for line in caplog.messages] == ["lost", "back"] * 3
