"""The options that say how a camera is read: stated once for the commands that take them.

Imports nothing heavy: --help and the documentation read them.
"""

import math
from functools import partial
from typing import Annotated, Literal, Protocol, TypeAlias

from edgetl.edge.options import Option
from edgetl.edge.sources.names import NamedCamera

CAMERA = "Camera"

# No live picture stays the same to the bit for so long.
FROZEN_SECONDS = 10.0

_camera = partial(Option, group=CAMERA, common=False)

BackendOption: TypeAlias = Annotated[
    Literal["auto", "opencv", "picamera2"],
    _camera("Library it is read by.", reason="picamera2 for a Raspberry Pi's CSI camera"),
]
ResolutionOption: TypeAlias = Annotated[
    str | None, _camera("Ask the camera for this size.", unset="its own", metavar="WxH")
]
FpsOption: TypeAlias = Annotated[
    float | None,
    _camera(
        "Ask the camera for as many frames a second.",
        unset="its own; 1 of a still picture's URL",
        above=0,
        high=1000,
    ),
]
RotateOption: TypeAlias = Annotated[
    Literal[0, 90, 180, 270], _camera("Degrees that frames are turned clockwise.")
]
RoiOption: TypeAlias = Annotated[
    str | None,
    _camera(
        "Look at a part of the turned frame, as shares: 0.25,0,0.5,1 is the middle half.",
        unset="all of it",
        metavar="X,Y,W,H",
    ),
]
FrozenAfterOption: TypeAlias = Annotated[
    float,
    _camera(
        "A picture that stays the same for so long counts as a lost camera; 0 is never.",
        reason="a live one has noise",
        metavar="SECONDS",
        low=0,
        below=math.inf,
    ),
]
RoisOption: TypeAlias = Annotated[
    tuple[str, ...],
    _camera(
        "Look at a part of the turned frame, as shares: 0.25,0,0.5,1 is the middle half. "
        "Repeatable: mat=X,Y,W,H, or door/mat=X,Y,W,H of one camera; each part by itself.",
        unset="all of it",
        metavar="[PART=]X,Y,W,H",
    ),
]
ReconnectOption: TypeAlias = Annotated[bool, _camera("Reconnect to a camera that was lost.")]


class ReadingOptions(Protocol):
    """What the options of a command say of how cameras are read."""

    @property
    def camera_backend(self) -> Literal["auto", "opencv", "picamera2"]: ...
    @property
    def resolution(self) -> str | None: ...
    @property
    def fps(self) -> float | None: ...
    @property
    def rotate(self) -> Literal[0, 90, 180, 270]: ...
    @property
    def frozen_after(self) -> float: ...
    @property
    def reconnect(self) -> bool: ...
    @property
    def at_own_rate(self) -> bool: ...


class CameraOptions(ReadingOptions, Protocol):
    """What the options of a command say of its one camera."""

    @property
    def camera(self) -> str | None: ...
    @property
    def roi(self) -> str | None: ...


class CamerasOptions(ReadingOptions, Protocol):
    """What the options of a command say of its cameras, of which there may be several."""

    @property
    def cameras(self) -> tuple[NamedCamera, ...]: ...
