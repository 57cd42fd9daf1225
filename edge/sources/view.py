"""The part of a camera's frame that is classified, rotated, in RGB order."""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import SettingError
from edgetl.edge.model.preprocessing import Pixels

_ROTATIONS = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


@dataclass(frozen=True)
class Roi:
    """A part of a picture, in fractions of its width and height, for any resolution.

    Attributes:
        x: left edge, 0..1 of the width.
        y: upper edge, 0..1 of the height.
        width: more than 0, of the width.
        height: more than 0, of the height.

    Raises:
        SettingError: it is empty or reaches out of the picture.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        values = (self.x, self.y, self.width, self.height)
        # A little more than 1 is what 0.7+0.3 can come to.
        inside = all(map(math.isfinite, values)) and min(values) >= 0
        inside = inside and max(self.x + self.width, self.y + self.height) <= 1 + 1e-9
        if not inside or self.width <= 0 or self.height <= 0:
            shown = ",".join(f"{value:g}" for value in values)
            raise SettingError(
                f"roi {shown} is no part of a picture; give X,Y,WIDTH,HEIGHT as fractions, 0..1 "
                f"(0.25,0,0.5,1 is its middle half)"
            )


@dataclass(frozen=True)
class View:
    """How a frame is seen: rotated clockwise by `rotate` degrees, then cropped to `roi`.

    Raises:
        SettingError: `rotate` is not 0, 90, 180 or 270.
    """

    rotate: int = 0
    roi: Roi | None = None

    def __post_init__(self) -> None:
        if self.rotate not in (0, *_ROTATIONS):
            raise SettingError(f"rotate {self.rotate} is not 0, 90, 180 or 270")

    def of(self, frame: npt.NDArray[Any]) -> Pixels:
        """The pixels seen of a frame.

        Args:
            frame: uint8 [height, width, 3] BGR, [height, width, 4] BGRA, or grey [height, width]
                or [height, width, 1].

        Returns:
            uint8 [height, width, 3] RGB. Of a BGR frame that is not rotated it is a view of the
            frame's own memory, which nobody may write to.
        """
        if self.rotate:
            frame = cv2.rotate(frame, _ROTATIONS[self.rotate])
        if self.roi:
            frame = cropped(frame, self.roi)
        return rgb(frame)


def rgb(frame: npt.NDArray[Any]) -> Pixels:
    """A BGR, BGRA or grey frame as RGB, without a copy where it is BGR.

    A frame of another kind is returned as it is; `edge.model.preprocessing.model_input` refuses it.
    """
    if frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] == 1):
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB))
    if frame.ndim == 3 and frame.shape[2] == 4:
        return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGRA2RGB))
    # `model_input` knows such a view, and swaps the colours after resizing: 1/12 of the work at
    # 640x480.
    return frame[..., ::-1] if frame.ndim == 3 else frame


def parse_roi(text: str) -> Roi:
    """A Roi from "X,Y,WIDTH,HEIGHT".

    Raises:
        SettingError: it is not four numbers, or no part of a picture.
    """
    try:
        x, y, width, height = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingError(
            f"roi {text!r} is not X,Y,WIDTH,HEIGHT as fractions of the picture, 0..1, "
            f"such as 0.25,0,0.5,1"
        ) from None
    return Roi(x, y, width, height)


def cropped(frame: npt.NDArray[Any], roi: Roi) -> npt.NDArray[Any]:
    """The part of a frame, [height, width, ...], in its own memory; one pixel at least."""
    height, width = frame.shape[:2]
    left, top = min(round(roi.x * width), width - 1), min(round(roi.y * height), height - 1)
    right = max(left + 1, round((roi.x + roi.width) * width))
    bottom = max(top + 1, round((roi.y + roi.height) * height))
    return frame[top:bottom, left:right]
