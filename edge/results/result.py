"""What is known of each picture that was classified."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.classifier import Prediction
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.model.special_labels import UNSURE


@dataclass(frozen=True, eq=False)
class Result:
    """The predictions for one picture, most probable first.

    Attributes:
        source: the file, camera or stream.
        frame: its number in a video or of a camera, from 1.
        time: when the predictions were made, UTC.
        predictions: as many as were asked for.
        milliseconds: from encoded bytes or frame to probabilities.
        probabilities: of all classes in labels order, float32 [classes].
        picture: what was classified: a file, encoded bytes, or pixels, uint8 [height, width, 3]
            RGB.
        confident: whether the best class is probable enough to go by.
    """

    source: str
    frame: int | None
    time: datetime
    predictions: list[Prediction]
    milliseconds: float
    probabilities: npt.NDArray[np.float32]
    picture: Path | bytes | Pixels
    confident: bool = True

    @property
    def label(self) -> str:
        """The best class, or "unsure"."""
        return self.predictions[0].label if self.confident else UNSURE

    @property
    def index(self) -> int | None:
        """The index of the best class in labels order; None where it is uncertain."""
        return self.predictions[0].index if self.confident else None
