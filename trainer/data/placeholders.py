"""Pictures that stand for one that is not there: "image not found", or nothing but one colour."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from edgetl.trainer.data.memory_mapped import MemoryMappedArray

# The spread of the samples of what is almost one colour; photos of a plain wall have more.
_MOST_SPREAD = 3.0
# Rows of pixels that are looked at, of all pictures; the others only where these are of one colour.
_ROWS = 4
_AT_A_TIME = 1024  # pictures

# Whole names, but for the number of a copy.
_NAMES = re.compile(
    r"((image|img|photo|picture|file|page)?[ _-]?(not[ _-]?(found|available)|unavailable|missing)"
    r"|no[ _-]?(image|img|photo|picture)|placeholder)[ _()\d-]*",
    re.IGNORECASE,
)


def placeholders(
    files: Sequence[str],
    sizes: Mapping[str, tuple[int, int]],
    pixels: MemoryMappedArray | npt.NDArray[np.uint8],
) -> tuple[str, ...]:
    """The files that are called like a placeholder, or are almost one colour, in their order.

    Args:
        files: all pictures.
        sizes: of those that could be read, (width, height); the others are left out.
        pixels: uint8 [files, height, width, 3].
    """
    plain = set(_of_one_colour(pixels))
    return tuple(
        file
        for index, file in enumerate(files)
        if file in sizes and (index in plain or _NAMES.fullmatch(PurePosixPath(file).stem))
    )


def _of_one_colour(pixels: MemoryMappedArray | npt.NDArray[np.uint8]) -> Iterator[int]:
    height = pixels.shape[1]
    rows = np.linspace(0, height - 1, min(height, _ROWS)).astype(int)
    for first in range(0, len(pixels), _AT_A_TIME):
        some = slice(first, first + _AT_A_TIME)
        lines = pixels[some, rows]
        for index in np.flatnonzero(lines.std((1, 2)).max(1) <= _MOST_SPREAD):
            if pixels[first + int(index)].std((0, 1)).max() <= _MOST_SPREAD:
                yield first + int(index)
