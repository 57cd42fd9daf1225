"""Frames turned, cut and put in RGB order."""

import numpy as np
import pytest

from edgetl.edge.errors import SettingError
from edgetl.edge.sources.view import Roi, View, parse_roi, rgb

FRAME = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def test_a_bgr_frame_becomes_rgb_without_a_copy() -> None:
    seen = rgb(FRAME)
    assert (seen == FRAME[..., [2, 1, 0]]).all()
    assert np.shares_memory(seen, FRAME)


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1)])
def test_a_grey_frame_becomes_rgb(shape: tuple[int, ...]) -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(shape)
    assert (rgb(grey) == grey.reshape(6, 8, 1)).all()
    assert rgb(grey).shape == (6, 8, 3)


def test_a_frame_with_a_fourth_channel_becomes_rgb() -> None:
    four = np.dstack([FRAME, np.full((6, 8), 255, np.uint8)])
    assert (rgb(four) == FRAME[..., ::-1]).all()


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, 3), (180, 2), (270, 1)])
def test_it_is_turned_clockwise(degrees: int, turns: int) -> None:
    assert (View(degrees).of(FRAME) == np.rot90(FRAME, turns)[..., ::-1]).all()


def test_it_is_cut_in_shares_after_it_is_turned() -> None:
    assert (View(0, Roi(0.25, 0.5, 0.5, 0.5)).of(FRAME) == FRAME[3:, 2:6, ::-1]).all()
    turned = np.rot90(FRAME, 3)[..., ::-1]
    assert (View(90, Roi(0, 0, 0.5, 0.25)).of(FRAME) == turned[:2, :3]).all()


def test_a_part_is_never_smaller_than_a_pixel() -> None:
    assert View(0, Roi(0.999, 0.999, 0.001, 0.001)).of(FRAME).shape == (1, 1, 3)


def test_a_roi_is_four_shares() -> None:
    assert parse_roi("0.25, 0,0.5,1") == Roi(0.25, 0, 0.5, 1)
    assert parse_roi("0,0,1,1") == Roi(0, 0, 1, 1)
    assert parse_roi("0.7,0,0.3,1") == Roi(0.7, 0, 0.3, 1)


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "a,b,c,d", "100,50,320,240", "0,0,0,1", "-0.1,0,1,1", "0.6,0,0.5,1", "nan,0,1,1"],
)
def test_what_is_no_part_of_a_picture_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match=r"0\.25,0,0\.5,1"):
        parse_roi(text)


def test_only_quarter_turns() -> None:
    with pytest.raises(SettingError, match="0, 90, 180 or 270"):
        View(45)
