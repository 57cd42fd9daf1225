"""The options of `edgetl collect`. Importing them loads neither NumPy nor OpenCV."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.options import Option, Options
from edgetl.edge.preview.options import (
    LOCAL,
    PreviewHostOption,
    PreviewOption,
    PreviewPrefixOption,
)
from edgetl.edge.sources.options import (
    CAMERA,
    FROZEN_SECONDS,
    BackendOption,
    FpsOption,
    FrozenAfterOption,
    ReconnectOption,
    ResolutionOption,
    RoiOption,
    RotateOption,
)

_alone = partial(Option, group="Without a page")


def _class_names(text: str) -> str:
    from edgetl.edge.sources.folders import class_name

    return ",".join(class_name(name) for name in text.split(","))


@dataclass(frozen=True)
class CollectOptions(Options):
    """Where photos of which classes go, from which camera, with a page or without.

    Raises:
        SettingError: a value is not allowed, or does not fit the others.
    """

    folder: Annotated[
        Path, Option("Folder of photos: a folder a class.", argument=True, metavar="PHOTOS")
    ]
    camera: Annotated[
        str,
        Option("Camera, stream or video file.", group=CAMERA, metavar="N|PATH|URL"),
    ] = "0"
    classes: Annotated[
        str | None,
        Option(
            "Classes to begin with, separated by commas; the page can add more.",
            unset="the folders that are there",
            metavar="A,B,none",
            parse=_class_names,
        ),
    ] = None
    preview: PreviewOption = None
    preview_host: PreviewHostOption = ()
    preview_prefix: PreviewPrefixOption = None
    label: Annotated[
        str | None,
        _alone(
            "Save photos of this class, and serve no page.",
            names=("--class",),
            metavar="LABEL",
            parse=_class_names,
        ),
    ] = None
    every: Annotated[
        float, _alone("Seconds from photo to photo; of a video, in its own time.", above=0)
    ] = 1.0
    count: Annotated[
        int | None, _alone("Photos, after which it ends.", unset="until Ctrl-C", low=1)
    ] = None
    camera_backend: BackendOption = "auto"
    resolution: ResolutionOption = None
    fps: FpsOption = None
    rotate: RotateOption = 0
    roi: RoiOption = None
    frozen_after: FrozenAfterOption = FROZEN_SECONDS
    reconnect: ReconnectOption = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.label is None:
            changed = {setting.name for setting in self.changed()}
            for name in ("every", "count"):
                if name in changed:
                    raise SettingError(f"--{name} is for --class LABEL, without a page; give both")
        elif "," in self.label:
            raise SettingError(f"--class {quoted(self.label)}: one class, without a comma")
        elif self.preview is not None:
            raise SettingError("--class and --preview together; give one of them")

    @property
    def address(self) -> str:
        """HOST:PORT of the page."""
        return self.preview or LOCAL

    @property
    def at_own_rate(self) -> bool:
        """Whether a video is played at its own rate, for somebody who watches."""
        return self.label is None
