"""Features of training photos, which go with a model file, so that a device can learn on.

A head that learns from new photos alone forgets the others; photos are large and private, and their
pooled features are 1280 numbers each. A few dozen of each class stand for the rest.
"""

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.class_distance import Classes
from edgetl.edge.teach.options import MOST_SAMPLED

# The associated file that holds it, and its first bytes.
SAMPLE_NAME = "features.bin"
_IDENTIFIER = b"edgetl features 1\n"
MOST_OF_A_CLASS = 50
_HEAD = struct.Struct("<II")


@dataclass(frozen=True)
class FeatureSample:
    """Pooled features of photos and their classes.

    Attributes:
        features: float32 [photos, channels].
        targets: int [photos], the index of each one's label.
    """

    features: npt.NDArray[np.float32]
    targets: Classes


def drawn_rows(targets: Classes) -> npt.NDArray[np.int64]:
    """Which photos a sample is of, ascending: as many of each class, evenly drawn in their order.

    `targets` are the classes, int [photos].
    """
    classes = np.unique(targets)
    most = max(1, min(MOST_OF_A_CLASS, MOST_SAMPLED // max(1, len(classes))))
    found = [_evenly(np.flatnonzero(targets == one), most) for one in classes]
    return _evenly(np.sort(np.concatenate([np.empty(0, np.int64), *found])), MOST_SAMPLED)


def _evenly(rows: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.int64)]


def packed_sample(sample: FeatureSample) -> bytes:
    """The sample in a byte a value, each photo's features between its least and its greatest."""
    photos, channels = sample.features.shape
    rows = np.zeros(photos, _row(channels))
    low, high = sample.features.min(axis=1), sample.features.max(axis=1)
    step = np.maximum(high - low, 1e-12) / 255
    rows["target"], rows["low"], rows["step"] = sample.targets, low, step
    scaled = (sample.features - low[:, np.newaxis]) / step[:, np.newaxis]
    rows["values"] = np.rint(scaled).clip(0, 255)
    return _IDENTIFIER + _HEAD.pack(photos, channels) + rows.tobytes()


def read_sample(packed: bytes, *, channels: int, classes: int) -> FeatureSample:
    """The sample of `packed_sample`.

    Args:
        packed: its bytes, of any origin.
        channels: how many values a photo has.
        classes: how many classes there are.

    Raises:
        ValueError: they are damaged, or of another model.
    """
    start = len(_IDENTIFIER) + _HEAD.size
    if not packed.startswith(_IDENTIFIER) or len(packed) < start:
        raise ValueError("no sample of features")
    photos, wide = _HEAD.unpack_from(packed, len(_IDENTIFIER))
    row = _row(channels)
    if wide != channels or len(packed) != start + photos * row.itemsize:
        raise ValueError(f"{photos} photos of {wide} values in {len(packed)} bytes")
    rows = np.frombuffer(packed, row, photos, start)
    low, step = (rows[name].astype(np.float64)[:, np.newaxis] for name in ("low", "step"))
    features = (low + step * rows["values"]).astype(np.float32)
    targets = rows["target"].astype(np.int64)
    if not np.isfinite(features).all() or not (targets < classes).all():
        raise ValueError("values that are not finite, or classes that are not there")
    return FeatureSample(features, targets)


def _row(channels: int) -> np.dtype[np.void]:
    return np.dtype(
        [("target", "<u4"), ("low", "<f4"), ("step", "<f4"), ("values", "u1", (channels,))]
    )
