"""A .tflite file compared with the Keras model it was made from, through the device's own code."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.intervals import wilson_interval
from edgetl.trainer import metrics
from edgetl.trainer.calibration import calibration
from edgetl.trainer.progress import progress


@dataclass(frozen=True)
class Parity:
    """A model file compared with Keras on the same pictures.

    Accuracies and agreement (the share of pictures given the same class) are 0..1; the differences
    are between probabilities of the same class of the same picture.

    Attributes:
        accuracy_interval: of `accuracy`, 95 %, by Wilson's score.
        mcnemar_p: the p-value of McNemar's exact test for the same accuracy.
        ece, keras_ece: the expected calibration error of each, 0..1, as `calibration` measures it;
            None in the record of an older edgetl.
    """

    pictures: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    keras_accuracy: float
    agreement: float
    largest_difference: float
    mean_difference: float
    mcnemar_p: float
    ece: float | None = None
    keras_ece: float | None = None


def parity(
    probabilities: metrics.Probabilities,
    keras_probabilities: metrics.Probabilities,
    targets: metrics.Classes,
) -> Parity:
    """Compare two sets of probabilities, float32 [pictures, classes], for the same pictures.

    `targets` are their classes, int [pictures].
    """
    predicted, expected = probabilities.argmax(axis=1), keras_probabilities.argmax(axis=1)
    difference = np.abs(probabilities - keras_probabilities)
    right, keras_right = predicted == targets, expected == targets
    return Parity(
        pictures=len(targets),
        accuracy=float(right.mean()),
        accuracy_interval=wilson_interval(int(right.sum()), len(targets)),
        keras_accuracy=float(keras_right.mean()),
        agreement=float((predicted == expected).mean()),
        largest_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        mcnemar_p=metrics.mcnemar(
            int((keras_right & ~right).sum()), int((right & ~keras_right).sum())
        ),
        ece=calibration(probabilities, targets).ece,
        keras_ece=calibration(keras_probabilities, targets).ece,
    )


def device_probabilities(
    model: Path, pictures: Sequence[Path], runtime: str
) -> metrics.Probabilities:
    """What `edgetl classify` gives for picture files: probabilities, float32 [pictures, classes].

    Raises:
        ModelFileError: the file is damaged, or the runtime cannot run it.
        EdgetlError: the runtime is not installed.
    """
    classifier = Classifier(model, runtime=runtime)
    answers = np.empty((len(pictures), len(classifier.labels)), np.float32)
    with progress(f"checking on {runtime}", len(pictures)) as advance:
        for row, path in enumerate(pictures):
            answers[row] = classifier.probabilities(path)
            advance()
    return answers
