"""A model's own pooled features of pictures, by its own interpreter."""

from pathlib import Path

import numpy as np

from edgetl.edge.errors import ModelFileError, quoted
from edgetl.edge.explain.dense_head import DenseHead, dense_head, with_output
from edgetl.edge.model.class_distance import Classes
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.teach.head import Features
from edgetl.edge.teach.sample import FeatureSample, packed_sample


class PooledFeatures:
    """Gives pooled features of pictures, as the model's file computes them.

    They are read from the interpreter as one more output. Not safe to share between threads.

    Attributes:
        head: what the model ends in.
    """

    def __init__(
        self, model: ModelFile, *, runtime: str = "auto", threads: int | None = None
    ) -> None:
        """Load a model; the arguments are those of `Classifier`.

        Raises:
            ModelFileError: the model ends otherwise, or the runtime cannot run it.
            EdgetlError: as `Classifier`.
        """
        self.head = checked_head(model)
        self._classifier = Classifier(
            model,
            content=with_output(model, self.head.pooled.index),
            runtime=runtime,
            threads=threads,
        )

    def of(self, pixels: Pixels) -> tuple[Features, Features]:
        """Of a picture, uint8 [height, width, 3] RGB of the model's size.

        Returns:
            The features, float32 [channels], and the probabilities, float32 [labels].

        Raises:
            InferenceError: as `Classifier.infer`.
        """
        probabilities = self._classifier.infer(pixels)
        stored = self._classifier.output(self.head.pooled.index)
        return self.head.pooled.real(stored).reshape(-1), np.array(probabilities)


def checked_head(model: ModelFile) -> DenseHead:
    """What a model ends in.

    Raises:
        ModelFileError: it is not average pooling and one dense layer.
    """
    head = dense_head(model)
    if head is None:
        raise ModelFileError(
            f"{quoted(model.path)}: cannot be taught: it does not end in average pooling and one "
            f"dense layer, as models that edgetl exports do"
        )
    return head


def sample_of(file: Path, pixels: Pixels, targets: Classes, runtime: str) -> bytes | None:
    """The sample of what a model's file gives for pictures; for a subprocess, without TensorFlow.

    None of a model that cannot be taught, since it does not end in average pooling and one dense
    layer, as that of an older run may.

    Args:
        file: the model.
        pixels: uint8 [photos, height, width, 3].
        targets: their classes.
        runtime: that computes the features.

    Raises:
        EdgetlError: the model does not run there.
    """
    model = read_model_file(file)
    if dense_head(model) is None:
        return None
    features = PooledFeatures(model, runtime=runtime)
    found = [features.of(one)[0] for one in pixels]
    return packed_sample(FeatureSample(np.array(found, np.float32), targets))
