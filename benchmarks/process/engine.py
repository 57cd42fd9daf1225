"""What a case's process is sent, and what runs its model.

An engine is a module with a function `prepare(job)`. It imports what it needs and returns a
function that loads the model; that one returns the variants of calling it for one picture, by
their names. Every variant takes pixels, uint8 [height, width, 3] RGB of the job's input size, and
gives probabilities, float32 [classes].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import Pixels

Variant: TypeAlias = Callable[[Pixels], npt.NDArray[np.float32]]
Load: TypeAlias = Callable[[], Mapping[str, Variant]]


@dataclass(frozen=True)
class Job:
    """One case's model and pictures.

    Attributes:
        engine: a module with `prepare`.
        runtime: which library, for an engine that has several.
        labels: names of the outputs, for an engine that may not find them in the file.
        normalize: how pixels are scaled, for a float file that does not say.
        pixels: a .npy of the decoded pictures, uint8 [pictures, height, width, 3].
        pictures: paths of the same pictures' files.
    """

    engine: str
    model: str
    runtime: str
    threads: int
    labels: list[str] | None
    input_size: InputSize
    normalize: str | None = None
    pixels: str = ""
    pictures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Loaded:
    """A model that is loaded and warmed up.

    Attributes:
        variant: the name of the fastest.
        load_ms, first_ms: of loading it, and of the first call.
        milliseconds: of a call in the end.
        steady: whether calls took the same time again and again in the end.
    """

    variant: str
    load_ms: float
    first_ms: float
    milliseconds: float
    steady: bool
