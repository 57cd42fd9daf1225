"""The threshold of each label that the options of classify ask for."""

from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.precision import Precision
from edgetl.edge.system.messages import logger


def build_thresholds(threshold: float | Precision, model: ModelFile) -> tuple[float, ...]:
    """The threshold of each label of the model, in their order; those of a precision are logged.

    Raises:
        SettingError: the model has no record of held-out photos, which a precision needs.
        ModelFileError: the record is damaged.
    """
    if not isinstance(threshold, Precision):
        return (threshold,) * len(model.labels)
    from edgetl.edge.model.thresholds import precision_thresholds

    found = precision_thresholds(model, threshold)
    logger.info(f"threshold  {found.described}")
    if found.never:
        logger.warning(f"--threshold {threshold}: {found.never}")
    return tuple(one.threshold for _, one in found.classes)
