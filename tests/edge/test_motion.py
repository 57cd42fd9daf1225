"""Frames in which something moves."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.sources.motion import moving

RATE = 30


@cache
def _noise(number: int, size: tuple[int, int]) -> np.ndarray:
    return np.random.default_rng(number).normal(0, 6, (*size, 3)).astype(np.float32)


def scene(number: int, *, size: tuple[int, int] = (240, 320)) -> np.ndarray:
    """What a camera that stands still sees, with a sensor's noise."""
    noise = _noise(number % 7, size)
    slope = np.linspace(40, 200, size[1])[None, :, None]
    return np.clip(slope + noise, 0, 255).astype(np.uint8)


def with_box(picture: np.ndarray, left: int, side: int = 45) -> np.ndarray:
    picture[50 : 50 + side, left : left + side] = 250
    return picture


def numbers(pictures: list[np.ndarray], share: float = 0.01) -> list[int]:
    """Which frames pass, from 0."""

    def frames() -> Iterator[Item]:
        for number, picture in enumerate(pictures):
            yield Item("camera 0", picture, number + 1, number / RATE)

    found = moving(frames(), share, clock=lambda item: item.arrived or 0.0)
    return [number for number, frame in enumerate(found) if isinstance(frame, Item)]


@pytest.fixture(autouse=True)
def on_a_fast_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame is looked at, however busy this machine is."""
    monkeypatch.setattr("edgetl.edge.sources.motion._SHARE_OF_CORE", 1e9)


def test_of_a_scene_that_stands_still_only_the_beginning_passes() -> None:
    assert numbers([scene(number) for number in range(90)]) == list(range(RATE + 1))


def test_what_moves_passes_and_a_second_after_it() -> None:
    still = [scene(number) for number in range(60)]
    moves = [with_box(scene(60 + number), 20 + 15 * number) for number in range(15)]
    after = [scene(number) for number in range(100, 190)]
    passed = [number for number in numbers(still + moves + after) if number > RATE]
    assert passed[:15] == list(range(60, 75))
    # The box is gone: one more change, and then a second.
    assert passed[-1] == pytest.approx(75 + RATE, abs=5)
    assert passed == list(range(60, passed[-1] + 1))


def test_what_stays_becomes_the_background() -> None:
    still = [scene(number) for number in range(60)]
    stays = [with_box(scene(100 + number), 150) for number in range(10 * RATE)]
    passed = numbers(still + stays)
    assert 60 in passed
    assert passed[-1] < 60 + 7 * RATE


def test_a_change_smaller_than_the_share_is_none() -> None:
    still = [scene(number) for number in range(60)]
    moves = [with_box(scene(60 + number), 20 + 15 * number, side=10) for number in range(15)]
    assert max(numbers(still + moves, share=0.05)) == RATE
    assert max(numbers(still + moves, share=0.0005)) > 60


def test_a_light_that_is_turned_on_is_no_motion() -> None:
    still = [scene(number) for number in range(60)]
    lighter = [
        np.clip(scene(number).astype(int) + 30, 0, 255).astype(np.uint8) for number in range(60)
    ]
    assert max(numbers(still + lighter)) == RATE


def test_a_camera_that_changes_its_size_begins_again() -> None:
    still = [scene(number) for number in range(60)]
    smaller = [scene(number, size=(200, 320)) for number in range(60)]
    assert 60 in numbers(still + smaller)


def test_problems_pass() -> None:
    problem = Problem("gone")
    assert list(moving([problem, None], 0.01, clock=lambda item: 0.0)) == [problem, None]


def test_looking_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine where looking takes long, the last answer holds meanwhile."""
    looked = 0

    def slow(*_: object) -> float:
        nonlocal looked
        looked += 1
        return 0.0

    monkeypatch.setattr("edgetl.edge.sources.motion._SHARE_OF_CORE", 1e-6)
    monkeypatch.setattr("edgetl.edge.sources.motion.changed_share", slow)
    numbers([scene(number, size=(60, 80)) for number in range(50)])
    assert looked == 0
