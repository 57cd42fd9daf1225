"""Frames that are so many seconds apart."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.errors import SourceError
from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.sources.spacing import Frame, clock_of, spaced
from tests.edge.conftest import frame_picture, write_video

PIXELS = np.zeros((4, 4, 3), np.uint8)


def arriving(times: Iterable[float]) -> Iterator[Item]:
    for number, time in enumerate(times, start=1):
        yield Item("camera 0", PIXELS, number, time)


def passed(frames: Iterable[Frame]) -> list[float]:
    return [frame.arrived or 0.0 for frame in frames if isinstance(frame, Item)]


def test_of_a_camera_s_frames_one_passes_in_so_many_seconds() -> None:
    frames = arriving(100 + number / 30 for number in range(301))
    found = passed(spaced(frames, 2, clock=clock_of("0")))
    assert found == pytest.approx([100, 102, 104, 106, 108, 110])


def test_the_average_distance_is_kept_where_it_is_no_whole_number_of_frames() -> None:
    frames = arriving(number / 30 for number in range(3001))
    found = passed(spaced(frames, 0.25, clock=clock_of("0")))
    assert len(found) == pytest.approx(401, abs=1)


def test_late_frames_are_not_caught_up_with() -> None:
    times = [0, 1, 9.9, 10, 10.5, 11, 12, 13]
    assert passed(spaced(arriving(times), 2, clock=clock_of("0"))) == [0, 9.9, 12]


def test_each_frame_left_out_is_none_and_problems_pass() -> None:
    first, second = arriving([0, 1])
    problem = Problem("gone")
    found = list(spaced([first, None, problem, second], 2, clock=clock_of("0")))
    assert found == [first, None, problem, None]


def test_a_video_has_its_own_time(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.avi", map(frame_picture, range(10)), fps=10)
    frames = (Item(str(path), PIXELS, number) for number in range(1, 11))
    found = spaced(frames, 0.5, clock=clock_of(str(path)))
    assert [frame.frame for frame in found if isinstance(frame, Item)] == [1, 6]


def test_a_file_that_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("no video")
    with pytest.raises(SourceError, match=r"notes\.mp4: cannot be opened as a video"):
        clock_of(str(tmp_path / "notes.mp4"))
