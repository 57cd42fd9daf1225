"""Between the solved head's model and the fine-tuned one: the average of their weights.

Fine-tuning from a head that was solved first moves weights little, so that on the way between the
two a model is as good as either or better (WiSE-FT, Wortsman et al., CVPR 2022,
https://arxiv.org/abs/2109.01903). Imports no TensorFlow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetl.trainer import metrics
from edgetl.trainer.calibration import fit_temperature, with_temperature

# Of the fine-tuned model's weights; the rest is the solved head's model.
SHARES = (0.0, 0.5, 0.75, 1.0)

Array = npt.NDArray[Any]


def average(solved: Sequence[Array], tuned: Sequence[Array], share: float) -> list[Array]:
    """The weights (1 - share) * solved + share * tuned, in their own dtypes."""
    return [
        (a + share * (b - a)).astype(a.dtype) if np.issubdtype(a.dtype, np.floating) else b
        for a, b in zip(solved, tuned, strict=True)
    ]


@dataclass(frozen=True)
class Choice:
    """What held-out photos ask for: the fine-tuned model's share, and the temperature."""

    share: float
    temperature: float


def choose(
    probabilities: Mapping[float, metrics.Probabilities],
    targets: metrics.Classes,
    *,
    calibrate: bool,
) -> Choice:
    """The share and temperature with the lowest cross-entropy on photos not trained on.

    Args:
        probabilities: float32 [pictures, classes] by share.
        targets: the class of each picture.
        calibrate: whether each share has the temperature that suits it, or 1.
    """
    losses = {}
    for share, found in probabilities.items():
        temperature = fit_temperature(found, targets) if calibrate else 1.0
        calibrated = with_temperature(found, temperature)
        losses[Choice(share, temperature)] = metrics.log_loss(calibrated, targets)
    return min(losses, key=losses.__getitem__)
