"""Training and export. What trains or exports needs the [train] extra.

from edgetl.trainer import export, train

train("photos")
export(quantize=("int8",))
"""

import os
from typing import TYPE_CHECKING, Any

from edgetl.edge.system.allowance import cores
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.native_log import hidden_native_log

__all__ = ["export", "train"]

# Keras reads its backend once, at import, and a keras.json in the user's home may name another one.
os.environ["KERAS_BACKEND"] = "tensorflow"
# TensorFlow logs notes on CPU and GPU in every process; what fails still raises an exception.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# They know which processors they may run on, but not that a cgroup may grant less time.
for _threads in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, str(cores()))

if TYPE_CHECKING:
    from edgetl.trainer.exporting.export import export
    from edgetl.trainer.training import train


def __getattr__(name: str) -> Any:
    # Looked up on first use: what exports imports TensorFlow.
    if name == "train":
        from edgetl.trainer.training import train

        return train
    if name == "export":
        # TensorFlow logs to stderr while it is loaded.
        with hidden_native_log(), gc_disabled():
            from edgetl.trainer.exporting.export import export
        return export
    raise AttributeError(f"module 'edgetl.trainer' has no attribute {name!r}")
