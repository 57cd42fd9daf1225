"""Intervals of a share, and of the difference of two. Imports nothing heavy."""

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


def clustered_interval(
    share: float, pictures: float, squares: float, clusters: int
) -> tuple[float, float]:
    """The 95 % interval of a share of pictures, where those of one cluster are near-copies.

    Near-copies are right or wrong together, so a cluster counts as one picture: Wilson's score with
    Kish's effective number, the square of the pictures' number over the sum of the squares of the
    clusters' sizes (Survey Sampling, 1965), and, as there are few clusters, Student's t of as many
    less one (Korn and Graubard, Survey Methodology 24, 1998). Of one cluster nothing is known: 0 to
    1. Where each picture is a cluster it is `wilson_interval`.

    Args:
        share: of the pictures, 0..1.
        pictures: how many there are, above 0; need not be whole.
        squares: the sum of the squares of the clusters' sizes.
        clusters: how many there are.
    """
    if squares == pictures:
        return wilson(share, pictures, NORMAL)
    if clusters == 1:
        return 0.0, 1.0
    # Beyond a thousand degrees of freedom it is the normal quantile within 0.002.
    quantile = student_t_quantile(0.975, min(clusters - 1, 1000))
    return wilson(share, pictures**2 / squares, quantile)


def tango_interval(lost: float, gained: float, pictures: float, *, z: float) -> tuple[float, float]:
    """The interval of a difference of paired shares, (gained - lost) / pictures, within -1..1.

    Tango's score interval (Statistics in Medicine 17, 891-908, 1998): the differences that a score
    test with the maximum likelihood of the rest does not reject. Unlike Wald's it has a width where
    no picture differs; where none is gained it is Wilson's. Each end is a one-sided bound.

    Args:
        lost: pictures that only the first has right; need not be whole.
        gained: pictures that only the second has right.
        pictures: all of them, above 0.
        z: the normal quantile of the bounds.
    """
    found = (gained - lost) / pictures

    def end(outer: float, wanted: float) -> float:
        inner = found
        for _ in range(50):
            middle = (inner + outer) / 2
            score = _tango_score(middle, lost, gained, pictures)
            inner, outer = (middle, outer) if abs(score) < wanted else (inner, middle)
        return outer

    return end(-1.0, z), end(1.0, z)


def _tango_score(difference: float, lost: float, gained: float, pictures: float) -> float:
    linear = (2 * pictures + lost - gained) * difference - gained - lost
    constant = -lost * difference * (1 - difference)
    root = math.sqrt(max(linear**2 - 8 * pictures * constant, 0.0))
    only_lost = (root - linear) / (4 * pictures)
    variance = pictures * (2 * only_lost + difference * (1 - difference))
    distance = gained - lost - pictures * difference
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


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
