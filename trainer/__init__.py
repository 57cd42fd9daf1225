"""Training and export. What trains or exports needs the [train] extra: see trainer.extra."""

import os

# Keras reads its backend once, at import, and a keras.json in the user's home may name another one.
os.environ["KERAS_BACKEND"] = "tensorflow"
# TensorFlow greets every process with notes on CPU and GPU; what fails still raises an exception.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
