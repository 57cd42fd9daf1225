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


def student_t_quantile(share: float, degrees: int) -> float:
    """Below which `share`, 0.5 to below 1, of Student's t of 1 or more degrees of freedom lies.

    By halving the angle of its cumulative distribution, a finite sum (Abramowitz and Stegun,
    26.7.3 and 26.7.4).
    """
    low, high = 0.0, math.pi / 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, degrees) < 2 * share - 1 else (low, middle)
    return math.tan(low) * math.sqrt(degrees)


def _within(angle: float, degrees: int) -> float:
    """The share of Student's t whose size is at most tan(angle) * sqrt(degrees)."""
    odd = degrees % 2
    cosine = math.cos(angle)
    term, total = (cosine if odd else 1.0), 0.0
    for power in range(1 + odd, degrees, 2):
        total += term
        term *= cosine * cosine * power / (power + 1)
    inside = math.sin(angle) * total
    return 2 / math.pi * (angle + inside) if odd else inside
