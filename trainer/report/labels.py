"""Photos whose label is doubtful, as a page shows them."""

from collections.abc import Callable
from dataclasses import dataclass

from edgetl.edge.model.preprocessing import Pixels
from edgetl.trainer.doubtful.confident_learning import DoubtfulLabel, LabelCheck
from edgetl.trainer.report.page import Picture, thumbnail

_SIDE = 160  # pixels
_QUALITY = 80


@dataclass(frozen=True)
class DoubtfulPhotos:
    """The doubtful labels of a page.

    Attributes:
        checked: how many photos were.
        count: how many labels are doubtful.
        shown: the most doubtful ones, with their pictures.
        command: what to type about them.
    """

    checked: int
    count: int
    shown: tuple[tuple[DoubtfulLabel, Picture], ...]
    command: str


def doubtful_photos(
    check: LabelCheck, pixels: Callable[[str], Pixels], *, most: int, command: str
) -> DoubtfulPhotos:
    """The doubtful labels of a check with thumbnails.

    Args:
        pixels: those of a file, uint8 [height, width, 3] RGB.
        most: how many are shown.
        command: what to type about them.
    """
    shown = tuple(
        (one, thumbnail(pixels(one.file), side=_SIDE, quality=_QUALITY))
        for one in check.doubtful[:most]
    )
    return DoubtfulPhotos(len(check.ranking), len(check.doubtful), shown, command)
