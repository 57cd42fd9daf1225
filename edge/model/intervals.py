"""The 95 % interval of a share. Imports nothing heavy."""

import math

# The 97.5 % quantile of the normal distribution.
NORMAL = 1.959963984540054


def wilson_interval(right: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share, `right` of `total`, by Wilson's score; `total` is above 0.

    Unlike the usual plus-minus it stays within 0..1 and has a width at 0 % and 100 % too.
    """
    return wilson(right / total, total, NORMAL)


def wilson(share: float, total: float, z: float) -> tuple[float, float]:
    """Wilson's score interval of `share`, 0..1, for `z`, the quantile of its confidence level."""
    scale = 1 + z * z / total
    middle = (share + z * z / (2 * total)) / scale
    reach = z / scale * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    return max(middle - reach, 0.0), min(middle + reach, 1.0)
