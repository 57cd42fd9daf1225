"""The devices and the precision of a training."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from edgetl.trainer.recipe import Recipe

_FULL_PRECISION = "float32"
_MIXED_PRECISION = "mixed_float16"
# The first GPUs with units for float16.
_TENSOR_CORES = (7, 0)
_CPU_INFO = Path("/proc/cpuinfo")
# Linux' names of the instructions that oneDNN multiplies bfloat16 with: AMD has them from Zen 4 on,
# Intel in Cooper Lake and from Sapphire Rapids on.
_BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16"}


@dataclass(frozen=True)
class Devices:
    """The devices and dtypes of a training.

    Attributes:
        strategy: of tf.distribute, None on one device.
        policy: Keras' dtype policy.
        compute_dtype: what the folded layers multiply in when training, None for the policy's.
    """

    strategy: Any
    policy: str
    compute_dtype: str | None = None

    @property
    def plain(self) -> bool:
        """Whether the trained model can be saved as it is."""
        return self.strategy is None and self.policy == _FULL_PRECISION

    def scope(self) -> AbstractContextManager[Any]:
        """The context in which models and optimizers are made."""
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
    if mixed:
        return Devices(strategy, _MIXED_PRECISION)
    quick = recipe.precision == "auto" and _processor_is_faster_in_bfloat16()
    return Devices(strategy, _FULL_PRECISION, "bfloat16" if quick else None)


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


def _processor_is_faster_in_bfloat16() -> bool:
    if tf.config.list_physical_devices("GPU") or os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "0":
        return False
    # TensorFlow has no function for it; on other systems than Linux it is full precision.
    with contextlib.suppress(OSError):
        for line in _CPU_INFO.read_text().splitlines():
            if line.startswith("flags"):
                return not _BFLOAT16_FLAGS.isdisjoint(line.split())
    return False
