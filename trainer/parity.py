"""A .tflite file held against the Keras model it was made from, through the device's own code."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edge.classifier import Classifier
from trainer import metrics
from trainer.progress import progress


@dataclass(frozen=True)
class Parity:
    """How a model file does beside Keras on the same pictures.

    Accuracies and agreement (the share of pictures given the same class) are 0..1; the differences
    are between probabilities of the same class of the same picture.
    """

    pictures: int
    accuracy: float
    keras_accuracy: float
    agreement: float
    largest_difference: float
    mean_difference: float


def parity(
    probabilities: metrics.Probabilities,
    keras_probabilities: metrics.Probabilities,
    truth: metrics.Classes,
) -> Parity:
    """Compare two sets of probabilities, float32 [pictures, classes], for the same pictures."""
    same = probabilities.argmax(axis=1) == keras_probabilities.argmax(axis=1)
    difference = np.abs(probabilities - keras_probabilities)
    return Parity(
        pictures=len(truth),
        accuracy=metrics.accuracy(probabilities, truth),
        keras_accuracy=metrics.accuracy(keras_probabilities, truth),
        agreement=float(same.mean()),
        largest_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
    )


def device_probabilities(
    classifier: Classifier, pictures: Sequence[Path], description: str
) -> metrics.Probabilities:
    """The classifier's probabilities for picture files: float32 [pictures, classes]."""
    with progress(description, len(pictures)) as advance:
        rows = []
        for path in pictures:
            rows.append(classifier.probabilities(path))
            advance()
    return np.stack(rows)
