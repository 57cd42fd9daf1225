"""What a viewer is sent for a result: JSON and a JPEG, in one body.

The body is the length of the JSON in four bytes, most significant first, then the JSON, then the
JPEG. In one body, label and picture cannot be mixed up.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import PictureError, quoted
from edgetl.edge.model.preprocessing import Pixels, model_input, size_within
from edgetl.edge.model.special_labels import UNSURE
from edgetl.edge.preview.history import STEP_SECONDS, Mark
from edgetl.edge.results.probability import shortest
from edgetl.edge.results.result import Result

# What a phone can show. Larger pictures take the Pi longer to encode, and the network to send.
LONGEST_SIDE = 960
_QUALITY = 80
# Up to this many classes all have a bar, in labels order; of more, the most probable have.
ALL_BARS = 8
_TOP_BARS = 5
# The page's index of the label "unsure".
_UNSURE_INDEX = -1

_UNREADABLE = (PictureError, OSError, cv2.error)


def body(facts: dict[str, Any], jpeg: bytes) -> bytes:
    """The body of a message with these."""
    text = json.dumps(facts, separators=(",", ":")).encode()
    return len(text).to_bytes(4, "big") + text + jpeg


def facts(
    result: Result, labels: Sequence[str], marks: Sequence[Mark], *, rate: float | None, step: int
) -> dict[str, Any]:
    """What the page shows beside the picture.

    Args:
        result: what is shown.
        labels: of all classes, in order.
        marks: of the last two minutes.
        rate: results a second, if known.
        step: the half second of the result, from which the ages of the marks are counted.
    """
    best = result.predictions[0]
    probabilities = [shortest(probability) for probability in result.probabilities]
    return {
        "source": quoted(result.source),
        "frame": result.frame,
        "time": result.time.isoformat(timespec="milliseconds"),
        "label": result.label,
        "index": _page_index(result.index),
        "probability": shortest(best.probability),
        "milliseconds": round(result.milliseconds, 1),
        "fps": None if rate is None else round(rate, 1),
        "bars": [
            {"index": i, "label": labels[i], "probability": probabilities[i]}
            for i in _bars(result.probabilities)
        ],
        "step": STEP_SECONDS,
        "marks": [
            [step - mark.step, _page_index(mark.index), round(mark.probability, 2)]
            for mark in marks
        ],
        "names": {
            _page_index(mark.index): UNSURE if mark.index is None else labels[mark.index]
            for mark in marks
        },
    }


def shown_pixels(picture: Path | bytes | Pixels) -> Pixels | None:
    """The picture as it is shown: upright, at most 960 pixels long; None if its file is gone.

    Args:
        picture: a file, encoded bytes, or uint8 [height, width, 3] RGB.
    """
    try:
        return model_input(picture, size_within(picture, LONGEST_SIDE))
    except _UNREADABLE:
        return None


def jpeg(pixels: Pixels | None) -> bytes:
    """Pixels, uint8 [height, width, 3] RGB, as a JPEG; empty if there are none."""
    if pixels is None:
        return b""
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    encoded, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes() if encoded else b""


def _page_index(index: int | None) -> int:
    return _UNSURE_INDEX if index is None else index


def _bars(probabilities: npt.NDArray[np.float32]) -> list[int]:
    if len(probabilities) <= ALL_BARS:
        return list(range(len(probabilities)))
    return [int(i) for i in np.argsort(-probabilities, kind="stable")[:_TOP_BARS]]
