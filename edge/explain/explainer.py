"""A classifier that also shows where in a picture it sees a class."""

from dataclasses import dataclass

import cv2
import numpy as np

from edgetl.edge.errors import ModelFileError, SettingError, quoted
from edgetl.edge.explain.dense_head import dense_head, with_output
from edgetl.edge.model.classifier import Classifier, Prediction
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.preprocessing import (
    Picture,
    filled_region,
    model_input,
    seen_region,
)
from edgetl.edge.results.activation_map import EvidenceMap, activation_map


@dataclass(frozen=True, eq=False)
class Explanation:
    """What a model sees in a picture.

    Attributes:
        predictions: all, most probable first.
        shown: the class whose evidence is shown: the best one, or the one that was asked for.
        evidence: for that class rather than for the others: float32 [h, w] over the model's input,
            as many values as its last feature maps have. Their mean is the class's logit less the
            mean of all classes' logits, but for the biases.
    """

    predictions: list[Prediction]
    shown: Prediction
    evidence: EvidenceMap


class Explainer:
    """Class activation maps (Zhou et al., CVPR 2016, https://arxiv.org/abs/1512.04150) of a model.

    They are exact for a network that ends in average pooling and one dense layer, as those of
    edgetl, MobileNets and EfficientNets do. The feature maps are read from the interpreter as one
    more output; the file is not changed, and its probabilities stay the same to the bit. Not safe
    to share between threads.
    """

    def __init__(
        self,
        model: ModelFile,
        *,
        runtime: str = "auto",
        threads: int | None = None,
        unknown_at: float | None = None,
    ) -> None:
        """Load a model; the arguments are those of `Classifier`.

        Raises:
            ModelFileError: the model ends otherwise, or the runtime cannot run it.
            SettingError, EdgetlError: as `Classifier`.
        """
        head = dense_head(model)
        if head is None:
            raise ModelFileError(
                f"{quoted(model.path)}: cannot be explained: it does not end in average pooling "
                f"and one dense layer, as models that edgetl exports do"
            )
        self._head = head
        self._weights = head.weights - head.weights.mean(axis=0)
        self._classifier = Classifier(
            model,
            content=with_output(model, head.features.index),
            runtime=runtime,
            threads=threads,
            unknown_at=unknown_at,
        )

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that there is evidence for: all but an "unknown" that was not trained."""
        return self._classifier.labels[: len(self._weights)]

    @property
    def input_size(self) -> InputSize:
        """The model's."""
        return self._classifier.model.input_size

    def check_label(self, label: str | None) -> None:
        """See that there is evidence for a class, if one is named.

        Raises:
            SettingError: there is no such class, or it has no evidence.
        """
        if label is not None and label not in self.classes:
            known = ", ".join(map(quoted, self.classes))
            raise SettingError(f"--label {quoted(label)}: not one of {known}")

    def explain(self, picture: Picture, *, label: str | None = None) -> Explanation:
        """Classify a picture, and show the evidence for a class.

        Args:
            picture: as `Classifier.classify` takes it.
            label: the class; None for the most probable one. "unknown" has no evidence, so that
                for a picture that is unknown it is the most probable one of the others.

        Raises:
            PictureError: the picture cannot be read.
            SettingError: there is no such class, or it has no evidence.
        """
        self.check_label(label)
        classifier = self._classifier
        pixels = model_input(picture, self.input_size)
        predictions = classifier.predictions(classifier.infer(pixels))
        shown = next(
            one
            for one in predictions
            if (one.label == label if label is not None else one.index < len(self._weights))
        )
        features = self._head.features.real(classifier.output(self._head.features.index))[0]
        return Explanation(predictions, shown, activation_map(features, self._weights[shown.index]))


def over_picture(
    evidence: EvidenceMap, input_size: InputSize, height: int, width: int
) -> EvidenceMap:
    """Evidence over the model's input as evidence over the picture that was resized to it.

    Args:
        evidence: float32 [h, w].
        input_size: the model's.
        height, width: of the picture in pixels.

    Returns:
        float32 [height, width]; 0 where the model did not see the picture.
    """
    size = (input_size.width, input_size.height)
    over_input = cv2.resize(evidence, size, interpolation=cv2.INTER_CUBIC)
    filled = filled_region(height, width, input_size).of(over_input)
    seen = seen_region(height, width, input_size)
    found = np.zeros((height, width), np.float32)
    seen.of(found)[:] = cv2.resize(filled, (seen.width, seen.height), interpolation=cv2.INTER_CUBIC)
    return found
