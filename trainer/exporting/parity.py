"""A .tflite file held against the Keras model it was made from, through the device's own code."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.edge.model.classifier import Classifier
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.trainer import metrics
from edgetl.trainer.progress import progress


@dataclass(frozen=True)
class Parity:
    """How a model file does beside Keras on the same pictures.

    Accuracies, recalls and agreement (the share of pictures given the same class) are 0..1; the
    differences are between probabilities of the same class of the same picture.

    Attributes:
        accuracy_interval: of `accuracy`, 95 %, by Wilson's score.
        mcnemar_p: how likely both have the same accuracy, by McNemar's exact test.
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
    truth: metrics.Classes,
    labels: Sequence[str],
) -> Parity:
    """Compare two sets of probabilities, float32 [pictures, classes], for the same pictures."""
    found, expected = probabilities.argmax(axis=1), keras_probabilities.argmax(axis=1)
    difference = np.abs(probabilities - keras_probabilities)
    right, keras_right = found == truth, expected == truth
    drops = [
        float(keras_right[truth == i].mean() - right[truth == i].mean())
        if (truth == i).any()
        else 0.0
        for i in range(len(labels))
    ]
    worst = int(np.argmax(drops))
    return Parity(
        pictures=len(truth),
        accuracy=float(right.mean()),
        accuracy_interval=metrics.wilson_interval(int(right.sum()), len(truth)),
        keras_accuracy=float(keras_right.mean()),
        agreement=float((found == expected).mean()),
        largest_difference=float(difference.max()),
        mean_difference=float(difference.mean()),
        mcnemar_p=metrics.mcnemar(
            int((keras_right & ~right).sum()), int((right & ~keras_right).sum())
        ),
        fell_most=labels[worst] if drops[worst] > 0 else None,
        recall_drop=max(drops[worst], 0.0),
    )


def lowest_accuracy(keras_accuracy: float, pictures: int, *, max_drop: float) -> float:
    """The accuracy, 0..1, below which a file loses more than `max_drop` points.

    A single picture is not held against a file, however few there are: one disagreement says
    nothing (McNemar's p is 1). A `max_drop` of 0 allows not even that.

    Args:
        keras_accuracy: 0..1, on the same pictures.
        pictures: how many there are.
        max_drop: points of accuracy, 0 or more.
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
    with hidden_native_log():
        classifier = Classifier(model, runtime=runtime)
    return classified(classifier, pictures, f"checking on {runtime}")


def classified(
    classifier: Classifier, pictures: Sequence[Path], description: str
) -> metrics.Probabilities:
    """The classifier's probabilities for picture files: float32 [pictures, classes].

    Args:
        description: of the progress bar.
    """
    rows = []
    with progress(description, len(pictures)) as advance:
        for path in pictures:
            rows.append(classifier.probabilities(path))
            advance()
    return np.stack(rows)
