"""What every open camera gives, what it is called, and what it can be asked for."""

import os
import re
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy.typing as npt

from edgetl.edge.errors import SettingError, SourceError, quoted
from edgetl.edge.sources.freeze import Part
from edgetl.edge.system.masking import masked, may_be_misread

Frame: TypeAlias = npt.NDArray[Any]

# A camera or stream that answers nothing, or sends no frame, for this long does not work.
FRAME_SECONDS = 10.0


@dataclass(frozen=True)
class CameraSettings:
    """What a camera is asked for; None leaves it at the camera's own choice.

    Attributes:
        resolution: width and height in pixels.
        fps: frames a second.

    Raises:
        SettingError: one is not positive.
    """

    resolution: tuple[int, int] | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        if self.resolution and min(self.resolution) < 1:
            raise SettingError(f"resolution {self.resolution[0]}x{self.resolution[1]} has no pixel")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise SettingError(f"fps {self.fps:g} is not between 0 and 1000")


class Capture(Protocol):
    """An open camera, used by one thread."""

    @property
    def live_parts(self) -> tuple[Part, ...]:
        """The parts of its frames that always change, as noise does.

        One that stands still is no longer what the camera sees.
        """

    def read(self) -> Frame | None:
        """Wait for the next frame: uint8, BGR, BGRA or grey. None: no more will come."""

    def release(self) -> None:
        """Let others have the camera."""


def is_stream(name: str) -> bool:
    """Whether a camera's name is a URL or a GStreamer pipeline, and no number or path."""
    return "://" in name or is_pipeline(name)


def is_pipeline(name: str) -> bool:
    """Whether a camera's name is a GStreamer pipeline."""
    return " ! " in name


def check_stream(name: str) -> None:
    """Check that it is plain where the user and password of a stream's URL end.

    Raises:
        SettingError: it is not; the message does not show the URL.
    """
    if "://" not in name or is_pipeline(name):
        return
    if may_be_misread(name) or re.search(r"\s", name):
        raise SettingError(
            "--camera: a URL has no space, and no @ behind its first /; write special characters "
            "of a user, a password or a path as %XX: / is %2F, @ is %40, ? is %3F, # is %23, and a "
            "space %20"
        )


def camera_name(source: int | str) -> str:
    """What a camera is called in results and messages: without the secrets of its URL."""
    return f"camera {source}" if isinstance(source, int) else masked(source)


def cannot_be_opened(source: int | str, why: str = "") -> SourceError:
    """The error of a stream or device that cannot be opened, and why, where that is known."""
    if not why and isinstance(source, str) and not is_stream(source):
        missing = not os.path.exists(source)  # noqa: PTH110 - Path.exists raises where we may not look
        why = "no such file; a camera is a number, as in --camera 0" if missing else ""
    why = f": {why}" if why else " as a video or camera"
    return SourceError(f"{quoted(camera_name(source))}: cannot be opened{why}")
