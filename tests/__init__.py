"""Tests, as `pytest` runs them."""

import os

# Before NumPy is loaded, here and in every process that a test starts. For matrices as small as
# those of tests its threads only wait for each other: cross-validation takes ten times as long with
# two, and several processes share the cores anyway.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
