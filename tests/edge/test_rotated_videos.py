"""Phone videos, which are to be turned upright, on whatever OpenCV is installed."""

import json
from pathlib import Path

import numpy as np
import pytest

from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.sources.build_camera import cameras_opener
from edgetl.edge.sources.files import Item, video
from tests.conftest import COLOURS, Cli
from tests.edge.conftest import write_rotated_video

RED, BLUE = COLOURS["red"], COLOURS["blue"]


def quarters() -> np.ndarray:
    """A BGR frame, 64 wide and 48 high: its left half red, its right half blue."""
    frame = np.empty((48, 64, 3), np.uint8)
    frame[:, :32], frame[:, 32:] = RED[::-1], BLUE[::-1]
    return frame


# Where the red half is, and the shape, once the video is turned clockwise.
TURNED = {
    0: (np.s_[8:40, 4:28], (48, 64, 3)),
    90: (np.s_[4:28, 8:40], (64, 48, 3)),
    180: (np.s_[8:40, 36:60], (48, 64, 3)),
    270: (np.s_[36:60, 8:40], (64, 48, 3)),
}


@pytest.mark.parametrize("degrees", TURNED)
@pytest.mark.parametrize("as_camera", [False, True], ids=["file", "camera"])
def test_a_video_is_turned_upright(tmp_path: Path, degrees: int, as_camera: bool) -> None:
    path = write_rotated_video(tmp_path / "phone.mp4", [quarters()] * 3, degrees)
    if as_camera:
        with cameras_opener(ClassifyOptions(camera=(str(path),)))() as items:
            shown = list(items)
    else:
        shown = list(video(path))
    red, shape = TURNED[degrees]
    assert len(shown) == 3
    for item in shown:
        assert isinstance(item, Item)
        pixels = np.asarray(item.picture)
        assert pixels.shape == shape
        assert abs(pixels[red].reshape(-1, 3).mean(0) - RED).max() < 40


def test_what_is_saved_of_it_is_upright_too(cli: Cli, model: Path) -> None:
    write_rotated_video(cli.folder / "phone.mp4", [quarters()] * 3, 90)
    options = ["--save-video", "out.mp4", "--format", "jsonl", "--model", model]
    result = cli.here("classify", "phone.mp4", *options)
    assert len([json.loads(line) for line in result.stdout.splitlines()]) == 3
    saved = [np.asarray(item.picture).shape for item in video(cli.folder / "out.mp4")]
    assert all(height > width for height, width, _ in saved)
