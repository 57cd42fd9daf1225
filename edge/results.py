"""Source -> classifier -> sinks: what is known of each picture that was classified."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.classifier import Classifier, Prediction
from edge.errors import PictureError
from edge.preprocessing import Pixels
from edge.read_ahead import Ahead, ReadAhead, infer
from edge.sources import Item, Problem

# The label of a result whose best class is not probable enough.
UNSURE = "unsure"


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
        picture: what was classified: a file, or pixels, uint8 [height, width, 3] RGB.
        sure: whether the best class is probable enough to go by.
    """

    source: str
    frame: int | None
    time: datetime
    predictions: list[Prediction]
    milliseconds: float
    probabilities: npt.NDArray[np.float32]
    picture: Path | Pixels
    sure: bool = True

    @property
    def label(self) -> str:
        """The best class, or "unsure"."""
        return self.predictions[0].label if self.sure else UNSURE

    @property
    def index(self) -> int | None:
        """The place of the best class in labels order; None where unsure."""
        return self.predictions[0].index if self.sure else None


def results(
    items: Iterable[Item | Problem] | ReadAhead, classifier: Classifier, *, top_k: int | None = None
) -> Iterator[Result | Problem]:
    """Classify each item; one that cannot be read becomes a Problem and the rest go on.

    Args:
        items: what to classify: one by one, or by a `ReadAhead` several at a time.
        classifier: what classifies it.
        top_k: how many predictions a result has; default all.
    """
    if isinstance(items, ReadAhead):
        items.infer_with(classifier)
    for entry in items:
        if isinstance(entry, Problem):
            yield entry
            continue
        item = entry.item if isinstance(entry, Ahead) else entry
        try:
            inferred = (
                entry.inferred.result() if isinstance(entry, Ahead) else infer(item, classifier)
            )
        except PictureError as error:
            yield Problem(str(error))
            continue
        yield Result(
            source=item.source,
            frame=item.frame,
            time=datetime.now(UTC),
            predictions=classifier.predictions(inferred.probabilities, top_k=top_k),
            milliseconds=inferred.milliseconds,
            probabilities=inferred.probabilities,
            picture=item.picture,
        )
