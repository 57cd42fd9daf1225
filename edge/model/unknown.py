"""Another threshold for what is "unknown"."""

import numpy as np
import numpy.typing as npt


def with_unknown_at(
    probabilities: npt.NDArray[np.float32], index: int, at: float
) -> npt.NDArray[np.float32]:
    """The probabilities with another threshold of "unknown".

    What the model calls unknown at a probability of `at` gets 0.5, and all else in proportion: the
    odds of "unknown" are divided by those of `at`.

    Args:
        probabilities: float32 [classes], 0..1.
        index: of "unknown" among them.
        at: above 0 and below 1.

    Returns:
        float32 [classes], 0..1.
    """
    unknown = float(probabilities[index])
    weight = unknown * (1 - at)
    moved = weight / (weight + (1 - unknown) * at)
    known = probabilities * np.float32((1 - moved) / (1 - unknown) if unknown < 1 else 0)
    known[index] = moved
    return known
