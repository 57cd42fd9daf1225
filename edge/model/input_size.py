"""The size of a model's input, and how a picture of another shape is resized to it.

Nothing heavy is imported: options and recipes are made of these.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from edgetl.edge.errors import SettingError

ResizeMode = Literal["stretch", "crop", "pad"]


@dataclass(frozen=True)
class InputSize:
    """The size of a model's input in pixels, and how a picture of another shape is resized to it.

    `stretch` changes the aspect ratio; `crop` keeps it and cuts the longer sides off evenly;
    `pad` keeps it and adds black bars.

    Raises:
        SettingError: a side is not positive, or `resize_mode` is none of the three.
    """

    height: int
    width: int
    resize_mode: ResizeMode = "stretch"

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise SettingError(f"an input of {self.height}x{self.width} pixels has no pixels")
        if self.resize_mode not in get_args(ResizeMode):
            raise SettingError(
                f"resize mode {self.resize_mode!r} is not one of {', '.join(get_args(ResizeMode))}"
            )
