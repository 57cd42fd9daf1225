"""A classifier: a model file, a runtime, and the one preprocessing path in front of them."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import (
    EdgetlError,
    InferenceError,
    ModelFileError,
    SettingError,
    quoted,
)
from edgetl.edge.model.labels import read_labels
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.normalization import parse_normalization
from edgetl.edge.model.preprocessing import Picture, Pixels, model_input
from edgetl.edge.model.quantization import check_scaling, input_values, probabilities
from edgetl.edge.model.runtime import choose_runtime, default_threads
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.model.unknown import with_unknown_at
from edgetl.edge.model.verify.tried import try_once


@dataclass(frozen=True)
class Prediction:
    """One class of one picture. `probability` is 0..1, `index` that of its label."""

    label: str
    probability: float
    index: int


class Classifier:
    """Classifies pictures with a .tflite model on the device. Not safe to share between threads,
    which take a `copy` each.

    A model is first run in a subprocess, since a damaged one can crash the interpreter; once on a
    machine (`edgetl.edge.model.verify.tried`).

    Attributes:
        model: what the file holds (labels, input_size, figures of training and export).
        runtime: the interpreter library in use.
        threads: how many threads it infers with.
    """

    def __init__(
        self,
        model: str | Path | ModelFile,
        *,
        labels: str | Path | Sequence[str] | None = None,
        normalize: str | None = None,
        content: bytes | None = None,
        runtime: str = "auto",
        threads: int | None = None,
        unknown_at: float | None = None,
    ) -> None:
        """Load a model.

        Args:
            model: path of a .tflite image classifier, made by edgetl or not, or one that
                `edgetl.edge.model.model_file.read_model_file` has read.
            labels: the class names in output order, or a file of them; only for a path to a model
                whose file holds none, or to rename its classes.
            normalize: how pixels are scaled, "0,1", "-1,1", "0,255" or "MEAN,STD"; only for a path
                to a float32 model whose file does not say.
            content: what the interpreter gets in place of the file's content, derived from it, such
                as with one more output; default the file's.
            runtime: "auto" (LiteRT if installed, else tflite-runtime), "litert" or
                "tflite-runtime".
            threads: threads to infer with; default the cores here, 4 at most.
            unknown_at: the probability, above 0 and below 1, from which on the model's "unknown" is
                what is meant; default 0.5, its own.

        Raises:
            ModelFileError: the file is missing, damaged, no image classifier, its labels do not fit
                its outputs, or the runtime cannot run it.
            SettingError: an argument is out of range, or the model has no label "unknown".
            EdgetlError: no runtime is installed, or it does not load on this system.
        """
        if threads is not None and threads < 1:
            raise SettingError(f"threads {threads} is less than 1")
        self.model = model if isinstance(model, ModelFile) else _read(model, labels, normalize)
        check_scaling(self.model)
        unknown = None if unknown_at is None else index_of_unknown(self.model, unknown_at)
        self.runtime = choose_runtime(runtime)
        self.threads = default_threads() if threads is None else threads
        self._content = self.model.content if content is None else content
        try:
            self.runtime.load()
            try_once(self.model, self.runtime, threads=self.threads)
            self._interpreter = self.runtime.interpreter(self._content, threads=self.threads)
        except (ValueError, RuntimeError) as error:
            raise ModelFileError(
                f"{quoted(self.model.path)}: {self.runtime.name} {self.runtime.version} cannot "
                f"run it ({' '.join(str(error).split())})"
            ) from error
        except ImportError as error:
            raise EdgetlError(
                f"{self.runtime.name} {self.runtime.version} does not load on this system "
                f"({' '.join(str(error).split())}); install it again, or choose another runtime"
            ) from error
        self._input: int = self._interpreter.get_input_details()[0]["index"]
        self._output: int = self._interpreter.get_output_details()[0]["index"]
        self._input_values = input_values(self.model.input, self.model.normalization)
        own = probabilities(self.model.output, self.model.output_values)
        self._probabilities = own
        if unknown is not None and unknown_at is not None:
            self._probabilities = lambda output: with_unknown_at(own(output), unknown, unknown_at)

    def copy(self) -> "Classifier":
        """The same model in an interpreter of its own, for another thread."""
        twin = copy.copy(self)
        twin._interpreter = self.runtime.interpreter(self._content, threads=self.threads)
        return twin

    @property
    def labels(self) -> tuple[str, ...]:
        """The class names, in the order of the model's outputs."""
        return self.model.labels

    def classify(self, picture: Picture, *, top_k: int | None = None) -> list[Prediction]:
        """The classes of a picture, most probable first.

        Args:
            picture: a path, encoded bytes, a Pillow image, or uint8 [height, width, 3] RGB.
            top_k: how many to return; default all.

        Raises:
            PictureError: the picture cannot be read, or the model fails on it.
            SettingError: `top_k` is less than 1.
        """
        return self.predictions(self.probabilities(picture), top_k=top_k)

    def probabilities(self, picture: Picture) -> npt.NDArray[np.float32]:
        """The probability of each class in labels order: float32 [classes], 0..1.

        Raises:
            PictureError: the picture cannot be read, or the model fails on it.
        """
        return self.infer(model_input(picture, self.model.input_size))

    def infer(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Probabilities for pixels that `model_input` has already made.

        Args:
            pixels: uint8 [height, width, 3] RGB, of the model's own size.

        Returns:
            float32 [classes], 0..1.

        Raises:
            InferenceError: the runtime fails, or what it gives is not finite.
        """
        try:
            self._interpreter.set_tensor(self._input, self._input_values(pixels)[np.newaxis])
            self._interpreter.invoke()
        except (ValueError, RuntimeError, MemoryError) as error:
            raise InferenceError(
                f"{quoted(self.model.path)}: {self.runtime.name} {self.runtime.version} fails on "
                f"this picture ({' '.join(str(error).split())}); use another model"
            ) from error
        found = self._probabilities(self._interpreter.get_tensor(self._output))
        if not np.isfinite(found).all():
            raise InferenceError(
                f"{quoted(self.model.path)}: gives values that are not finite for this picture; "
                f"use another model"
            )
        return found

    def output(self, index: int) -> npt.NDArray[Any]:
        """The values of one of the model's output tensors after the last `infer`, as they are."""
        return np.asarray(self._interpreter.get_tensor(index))

    def predictions(
        self, probabilities: npt.NDArray[np.float32], *, top_k: int | None = None
    ) -> list[Prediction]:
        """Probabilities, float32 [classes], as predictions, most probable first.

        Raises:
            SettingError: `top_k` is less than 1.
        """
        if top_k is not None and top_k < 1:
            raise SettingError(f"top_k {top_k} is less than 1")
        # A stable sort: of equal classes the first comes first, as argmax has it.
        order = np.argsort(-probabilities, kind="stable")[:top_k]
        return [Prediction(self.labels[i], float(probabilities[i]), int(i)) for i in order]


def index_of_unknown(model: ModelFile, unknown_at: float) -> int:
    """Where a model's label "unknown" is, for which `unknown_at` is the probability.

    Raises:
        SettingError: it is no such probability, or the model has no such label.
    """
    if not 0 < unknown_at < 1:
        raise SettingError(f"unknown_at {unknown_at} is not between 0 and 1")
    if UNKNOWN not in model.labels:
        raise SettingError(
            f"{quoted(model.path)}: has no label {UNKNOWN!r}, so --unknown-at has no effect; "
            f"leave it out, or use a model that edgetl made without --unknown off"
        )
    return model.labels.index(UNKNOWN)


def _read(
    path: str | Path, labels: str | Path | Sequence[str] | None, normalize: str | None
) -> ModelFile:
    names = read_labels(labels) if isinstance(labels, str | Path) else labels
    scaling = None if normalize is None else parse_normalization(normalize)
    return read_model_file(path, labels=names, normalization=scaling)
