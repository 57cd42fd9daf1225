"""The evidence for a label over the live picture, for viewers who ask for it."""

from collections.abc import Callable

from edgetl.edge.errors import EdgetlError, InferenceError, quoted
from edgetl.edge.explain.explainer import Explainer, over_picture
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.results.activation_map import overlaid
from edgetl.edge.results.result import Result
from edgetl.edge.system.messages import logger


class LiveEvidence:
    """Infers a picture once more, with an interpreter of its own that the first viewer loads.

    So nothing is spent on it while nobody looks. Not safe to share between threads.
    """

    def __init__(
        self, load: Callable[[ModelFile], Explainer], newest: Callable[[], ModelFile]
    ) -> None:
        """
        Args:
            load: loads a model.
            newest: what classifies now: it may be replaced.
        """
        self._load = load
        self._newest = newest
        self._loaded: tuple[ModelFile | None, Explainer | None] = None, None

    def over(self, pixels: Pixels, result: Result) -> tuple[Pixels, str | None]:
        """The picture under the evidence for its label, and that label.

        For a label without evidence, such as "unknown", it is that for the most probable class.
        Where the model does not load, or fails on the picture, it stays as it is and the label is
        None.

        Args:
            pixels: the result's picture as it is shown, uint8 [height, width, 3] RGB.
        """
        explainer = self._explainer()
        if explainer is None:
            return pixels, None
        best = result.predictions[0].label
        try:
            found = explainer.explain(pixels, label=best if best in explainer.classes else None)
        except InferenceError:
            return pixels, None
        height, width = pixels.shape[:2]
        evidence = over_picture(found.evidence, explainer.input_size, height, width)
        return overlaid(pixels, evidence), quoted(found.shown.label)

    def _explainer(self) -> Explainer | None:
        newest = self._newest()
        if self._loaded[0] is not newest:
            self._loaded = newest, self._load_explainer(newest)
        return self._loaded[1]

    def _load_explainer(self, model: ModelFile) -> Explainer | None:
        try:
            return self._load(model)
        except EdgetlError as error:
            logger.warning(f"preview: no evidence is shown: {error}")
            return None
