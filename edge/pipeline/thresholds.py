"""The threshold of each label that the options of classify ask for, and what is said of them."""

import math
from collections.abc import Sequence

from edgetl.edge.errors import quoted
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.thresholds import (
    ClassThreshold,
    Precision,
    PrecisionThresholds,
    precision_thresholds,
)
from edgetl.edge.system.messages import logger

# Of more classes only the lowest and the highest threshold are said.
_SAID_EACH = 4


def build_thresholds(threshold: float | Precision, model: ModelFile) -> tuple[float, ...]:
    """The threshold of each label of the model, in their order; those of a precision are logged.

    Raises:
        SettingError: the model has no record of held-out photos, which a precision needs.
        ModelFileError: the record is damaged.
    """
    if not isinstance(threshold, Precision):
        return (threshold,) * len(model.labels)
    found = precision_thresholds(model, threshold)
    logger.info(f"threshold  {described(found, threshold.share)}")
    if found.missed:
        named = _first([f"{quoted(label)} ({_at_best(one)})" for label, one in found.missed])
        logger.warning(
            f"--threshold {threshold}: no answer will be {named}: at no threshold enough of the "
            f"held-out photos called so are right"
        )
    return tuple(one.threshold for _, one in found.classes)


def described(found: PrecisionThresholds, precision: float) -> str:
    """Thresholds in one line: what they are, how many photos get an answer, and how sure that is.

    `precision` is what was asked for; a class with too few photos to be sure of it is named.
    """
    reached = found.reached
    if not reached:
        return found.summary
    rising = sorted(reached, key=lambda one: one[1].threshold)
    if len(rising) > _SAID_EACH:
        text = f"{_said(rising[0])} to {_said(rising[-1])}"
    else:
        text = ", ".join(map(_said, reached))
    text += f": {found.summary}"
    few = [one for one in reached if one[1].expected < precision]
    if not few:
        return text
    label, least = min(few, key=lambda one: one[1].interval)
    low, high = (100 * end for end in least.interval)
    return (
        f"{text}; too few photos to expect {100 * precision:.6g} % of {_first([k for k, _ in few])}"
        f", at worst of {quoted(label)}, {least.right} of {least.answered} right ({low:.1f} to "
        f"{high:.1f})"
    )


def _said(one: tuple[str, ClassThreshold]) -> str:
    label, found = one
    # Rounded down: 1 would seem to be out of reach.
    return f"{quoted(label)} {math.floor(found.threshold * 1000) / 1000:g}"


def _at_best(found: ClassThreshold) -> str:
    return f"{found.right} of {found.answered} at best" if found.answered else "none is called so"


def _first(names: Sequence[str]) -> str:
    more = len(names) - _SAID_EACH
    return ", ".join(names[:_SAID_EACH]) + (f" and {more} more" if more > 0 else "")
