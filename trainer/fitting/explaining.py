"""Why pictures were taken for another class: where the evidence lies, and what they look like."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from edgetl.edge.model.class_distance import unit_length
from edgetl.edge.results.activation_map import activation_map
from edgetl.trainer import metrics
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.network.model import Outputs, backbone_of, class_kernel

NEAREST = 3
# Training photos that are looked through: more would take long, and look little more alike.
ENOUGH_TRAINING = 1000
# Feature maps of so many pictures are in memory at once.
_CHUNK = 16


@dataclass(frozen=True)
class TrainingFeatures:
    """Pooled features of some training pictures by a model's weights.

    Attributes:
        rows: int [pictures], which of the training pictures.
        targets: int [pictures], their classes.
        features: float32 [pictures, channels].
    """

    rows: npt.NDArray[np.int64]
    targets: metrics.Classes
    features: npt.NDArray[np.float32]


@dataclass(frozen=True)
class Explanation:
    """Why each of some pictures was taken for another class; nothing for those that were not.

    Attributes:
        evidence: float32 [pictures, h, w], for the class given rather than the true one.
        nearest: int [pictures, 3], the training pictures with the most similar features, the most
            similar first; -1 for none.
    """

    evidence: npt.NDArray[np.float32]
    nearest: npt.NDArray[np.int64]


def balanced(targets: metrics.Classes, classes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Indices of pictures of some classes, as many of each and about 1000 in all, evenly spaced."""
    most = max(2, ENOUGH_TRAINING // max(1, len(classes)))
    of_classes = [np.flatnonzero(targets == one) for one in classes]
    return np.concatenate(
        [
            np.zeros(0, np.int64),
            *(rows[np.arange(n := min(len(rows), most)) * len(rows) // max(1, n)]
              for rows in of_classes),
        ]
    )  # fmt: skip


def explain(
    model: keras.Model,
    feature_maps: Outputs,
    file: MemoryMappedArray | npt.NDArray[Any],
    rows: npt.NDArray[np.int64],
    predicted: metrics.Classes,
    targets: metrics.Classes,
    training: TrainingFeatures,
) -> Explanation:
    """Why a model takes pictures for another class.

    Args:
        model: whose head it is.
        feature_maps: gives what goes into the model's pooling, [pictures, h, w, channels].
        file: what that is computed from.
        rows: which rows of it, a picture each.
        predicted: the class of each picture by the model.
        targets: and the true one.
        training: pictures to look for similar ones among.
    """
    wrong = np.flatnonzero(predicted != targets)
    evidence = np.zeros((len(rows), *backbone_of(model).output_shape[1:3]), np.float32)
    nearest = np.full((len(rows), NEAREST), -1, np.int64)
    kernel, known = class_kernel(model), unit_length(training.features)
    for start in range(0, len(wrong), _CHUNK):
        some = wrong[start : start + _CHUNK]
        maps = feature_maps(file, rows[some])
        away = kernel[:, predicted[some]] - kernel[:, targets[some]]
        evidence[some] = [activation_map(*one) for one in zip(maps, away.T, strict=True)]
        similarity = unit_length(maps.mean(axis=(1, 2))) @ known.T
        order = np.argsort(-similarity, axis=1, kind="stable")[:, :NEAREST]
        nearest[some, : order.shape[1]] = training.rows[order]
    return Explanation(evidence, nearest)
