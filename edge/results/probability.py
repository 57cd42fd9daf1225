"""Probabilities as numbers and words that say neither more nor less than the model did."""

import math

import numpy as np


def shortest(probability: float) -> float:
    """The number of fewest digits that is the same float32: 0.1, not 0.10000000149011612."""
    return float(str(np.float32(probability)))


def percent(value: float, *, digits: int = 1) -> str:
    """A probability or share for people; what is not quite all or nothing never looks like it.

    Args:
        value: 0..1.
        digits: behind the point.
    """
    # Halves go up, as a reader expects: 778 of 800 is 97.3%, whether it comes in float64 or, as
    # Keras has it, in float32; in binary both are a little off the half.
    steps = math.floor(round(shortest(value) * 100 * 10**digits, 4) + 0.5)
    step = 10.0**-digits
    if steps >= 100 * 10**digits and value < 1:
        return f">{100 - step:.{digits}f}%"
    if steps <= 0 and value > 0:
        return f"<{step:.{digits}f}%"
    return f"{steps * step:.{digits}f}%"
