"""What a row's process is told, and what runs its model.

An engine is a module with a function `prepare(job)`. It imports what it needs and returns a
function that loads the model; that one returns the ways to ask it about one picture, by their
names. Every way takes pixels, uint8 [height, width, 3] RGB of the job's input size, and gives
probabilities, float32 [classes].
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import Pixels

Way: TypeAlias = Callable[[Pixels], npt.NDArray[np.float32]]
Load: TypeAlias = Callable[[], Mapping[str, Way]]


@dataclass(frozen=True)
class Job:
    """One row's model and pictures, as plain JSON values.

    Attributes:
        engine: a module with `prepare`.
        model: path of the model file.
        runtime: which library, for an engine that has several.
        threads: to infer with.
        labels: names of the outputs, for a file that holds none.
        height, width, fit: the model's input.
        pixels: a .npy of the decoded pictures, uint8 [pictures, height, width, 3].
        pictures: paths of the same pictures' files.
    """

    engine: str
    model: str
    runtime: str
    threads: int
    labels: list[str] | None
    height: int
    width: int
    fit: str
    pixels: str
    pictures: list[str]

    @property
    def input_size(self) -> InputSize:
        """The size and fit of the model's input."""
        return InputSize(self.height, self.width, self.fit)  # type: ignore[arg-type]
