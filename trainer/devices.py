"""Which devices a training runs on, and in which precision."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from trainer.recipe import Recipe

_FULL_PRECISION = "float32"
_MIXED_PRECISION = "mixed_float16"
# The first GPUs with units for float16.
_TENSOR_CORES = (7, 0)


@dataclass(frozen=True)
class Devices:
    """A tf.distribute strategy, None on one device, and a Keras dtype policy."""

    strategy: Any
    policy: str

    @property
    def plain(self) -> bool:
        """Whether the trained model can be kept as it is."""
        return self.strategy is None and self.policy == _FULL_PRECISION

    def scope(self) -> AbstractContextManager[Any]:
        """What models and optimizers are made within."""
        context: AbstractContextManager[Any] = (
            self.strategy.scope() if self.strategy else nullcontext()
        )
        return context


def devices_for(recipe: Recipe) -> Devices:
    """The devices and precision that a recipe asks for, on this machine."""
    strategy = None
    if recipe.strategy == "mirrored":
        # All GPUs; without one all logical CPU devices, of which there is one unless configured.
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        strategy = tf.distribute.MirroredStrategy([device.name for device in devices])
    mixed = recipe.precision == "mixed" or (
        recipe.precision == "auto" and _all_gpus_are_faster_in_float16()
    )
    return Devices(strategy, _MIXED_PRECISION if mixed else _FULL_PRECISION)


@contextlib.contextmanager
def computing_in(policy: str) -> Iterator[None]:
    """Layers that are made in the block compute by this Keras dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _all_gpus_are_faster_in_float16() -> bool:
    gpus = tf.config.list_physical_devices("GPU")
    capabilities = [
        tf.config.experimental.get_device_details(gpu).get("compute_capability", (0, 0))
        for gpu in gpus
    ]
    return bool(gpus) and min(capabilities) >= _TENSOR_CORES
