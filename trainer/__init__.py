"""Training and export. Needs the [train] extra: TensorFlow, Keras and Matplotlib."""

import importlib.util
import os

from edge.errors import MissingExtraError

for _module in ("tensorflow", "keras", "matplotlib"):
    if importlib.util.find_spec(_module) is None:
        raise MissingExtraError(needs="training and export", module=_module, extra="train")

# Keras reads its backend once, at import, and a keras.json in the user's home may name another one.
os.environ["KERAS_BACKEND"] = "tensorflow"
# TensorFlow greets every process with notes on CPU and GPU; what fails still raises an exception.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
