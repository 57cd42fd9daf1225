"""A .tflite file compared with the Keras model it was made from, through the device's own code."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.edge.model.classifier import Classifier
from edgetl.trainer import metrics
from edgetl.trainer.progress import progress


@dataclass(frozen=True)
class Parity:
    """A model file compared with Keras on the same pictures.

    Accuracies, recalls and agreement (the share of pictures given the same class) are 0..1; the
    differences are between probabilities of the same class of the same picture.

    Attributes:
        accuracy_interval: of `accuracy`, 95 %, by Wilson's score.
        mcnemar_p: the p-value of McNemar's exact test for the same accuracy.
        fell_most: the class whose recall fell most, None if no class's did.
        recall_drop: by how much it fell.
    """

    pictures: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    keras_accuracy: float
    agreement: float
    largest_difference: float
    mean_difference: float
    mcnemar_p: float
    fell_most: str | None
    recall_drop: float


def parity(
    probabilities: metrics.Probabilities,
    keras_probabilities: metrics.Probabilities,
    targets: metrics.Classes,
    labels: Sequence[str],
) -> Parity:
    """Compare two sets of probabilities, float32 [pictures, classes], for the same pictures.

    `targets` are their classes, int [pictures]: indices into `labels`.
    """
    predicted, expected = probabilities.argmax(axis=1), keras_probabilities.argmax(axis=1)
    difference = np.abs(probabilities - keras_probabilities)
    right, keras_right = predicted == targets, expected == targets
    classes = [targets == i for i in range(len(labels))]
    drops = [float(keras_right[c].mean() - right[c].mean()) if c.any() else 0.0 for c in classes]
    worst = int(np.argmax(drops))
    return Parity(
        pictures=len(targets),
        accuracy=float(right.mean()),
        accuracy_interval=metrics.wilson_interval(int(right.sum()), len(targets)),
        keras_accuracy=float(keras_right.mean()),
        agreement=float((predicted == expected).mean()),
        largest_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        mcnemar_p=metrics.mcnemar(
            int((keras_right & ~right).sum()), int((right & ~keras_right).sum())
        ),
        fell_most=labels[worst] if drops[worst] > 0 else None,
        recall_drop=max(drops[worst], 0.0),
    )


def lowest_accuracy(keras_accuracy: float, pictures: int, *, max_drop: float) -> float:
    """The accuracy, 0..1, below which a file loses more than `max_drop`.

    One picture may always be lost, however few there are: a single disagreement is not
    significant (McNemar's p is 1). A `max_drop` of 0 does not allow even that.

    `keras_accuracy` is 0..1, on the same pictures; `max_drop` is percentage points, 0 or more.
    """
    allowed = max(max_drop / 100, 1 / pictures) if max_drop else 0.0
    # Shares of pictures are not exact in binary.
    return keras_accuracy - allowed - 1e-9


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
