"""From a folder of photos to an image classifier on a Raspberry Pi.

The packages `edgetl.edge`, `edgetl.trainer`, `edgetl.benchmarks` and `edgetl.deploy` are folders
inside this one in a wheel. In a checkout they lie beside it.
"""

import os

__version__ = "0.1.0"

_HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib costs 5 ms
if not os.path.isdir(os.path.join(_HERE, "edge")):  # noqa: PTH112, PTH118
    __path__.append(os.path.dirname(_HERE))  # noqa: PTH120
