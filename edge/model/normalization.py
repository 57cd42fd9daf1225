"""How a model wants its pixels scaled. Imports nothing heavy: options are checked by it."""

import math
from dataclasses import dataclass

from edgetl.edge.errors import SettingError, quoted

# What people call it, and what is subtracted from pixels 0..255 and divided by.
_RANGES = {"0,1": (0.0, 255.0), "-1,1": (127.5, 127.5), "0,255": (0.0, 1.0)}


@dataclass(frozen=True)
class Normalization:
    """What the model expects of a pixel: (value - mean) / std, per channel or one for all."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def parse_normalization(text: str) -> Normalization:
    """The scaling that --normalize names.

    Args:
        text: the range that pixels are scaled to, "0,1", "-1,1" or "0,255"; or "MEAN,STD" of pixels
            0..255, or three of each, for red, green and blue.

    Raises:
        SettingError: it is something else.
    """
    if text.replace(" ", "") in _RANGES:
        mean, std = _RANGES[text.replace(" ", "")]
        return Normalization((mean,), (std,))
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    half = len(numbers) // 2
    found = Normalization(numbers[:half], numbers[half:])
    if len(numbers) not in (2, 6) or not all(map(math.isfinite, numbers)) or min(found.std) <= 0:
        raise SettingError(
            f"--normalize {quoted(text)}: is neither 0,1 nor -1,1 nor 0,255, the range that pixels "
            f"are scaled to, nor MEAN,STD of pixels 0 to 255, such as 127.5,127.5"
        )
    return found


def normalization_text(text: str) -> str:
    """The text itself, once it is known to name a scaling.

    Raises:
        SettingError: as `parse_normalization`.
    """
    parse_normalization(text)
    return text
