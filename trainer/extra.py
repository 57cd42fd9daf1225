"""Whether what training needs is installed: a device has this package, and no TensorFlow."""

import importlib.util

from edge.errors import MissingExtraError


def need_training_extra(needs: str) -> None:
    """Check for TensorFlow, Keras and Matplotlib, none of which is imported.

    Args:
        needs: what they are needed for, as the message begins.

    Raises:
        MissingExtraError: one is not installed; the message says how to install it.
    """
    for module in ("tensorflow", "keras", "matplotlib"):
        if importlib.util.find_spec(module) is None:
            raise MissingExtraError(needs=needs, module=module, extra="train")
