"""The threshold of each label that the options of classify ask for, and what is said of them."""

import math

from edgetl.edge.errors import quoted
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.thresholds import (
    SAID_EACH,
    ClassThreshold,
    Precision,
    PrecisionThresholds,
    precision_thresholds,
)
from edgetl.edge.system.messages import logger


def build_thresholds(threshold: float | Precision, model: ModelFile) -> tuple[float, ...]:
    """The threshold of each label of the model, in their order; those of a precision are logged.

    Raises:
        SettingError: the model has no record of held-out photos, which a precision needs.
        ModelFileError: the record is damaged.
    """
    if not isinstance(threshold, Precision):
        return (threshold,) * len(model.labels)
    found = precision_thresholds(model, threshold)
    logger.info(f"threshold  {described(found)}")
    if found.never:
        logger.warning(f"--threshold {threshold}: {found.never}")
    return tuple(one.threshold for _, one in found.classes)


def described(found: PrecisionThresholds) -> str:
    """Thresholds in one line: what they are, how many photos get an answer, and how sure that is.

    Of many classes only the lowest and the highest threshold are said.
    """
    reached = found.reached
    if not reached:
        return found.summary
    rising = sorted(reached, key=lambda one: one[1].threshold)
    if len(rising) > SAID_EACH:
        text = f"{_said(rising[0])} to {_said(rising[-1])}"
    else:
        text = ", ".join(map(_said, reached))
    return f"{text}: {found.summary}"


def _said(one: tuple[str, ClassThreshold]) -> str:
    label, found = one
    # Rounded down: 1 would seem to be out of reach.
    return f"{quoted(label)} {math.floor(found.threshold * 1000) / 1000:g}"
