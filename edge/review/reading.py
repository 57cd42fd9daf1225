"""Pictures read for review: which class each is likely of, and what of it is compared."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edgetl.edge.collect.doubts import likeness
from edgetl.edge.errors import PictureError, SettingError
from edgetl.edge.explain.dense_head import DenseHead, dense_head, with_output
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.preprocessing import Pixels, model_input
from edgetl.edge.model.runtime import default_threads
from edgetl.edge.model.special_labels import UNKNOWN, UNSURE
from edgetl.edge.results.capture_record import read_capture_record
from edgetl.edge.sources.files import Problem
from edgetl.edge.sources.folders import class_name

_SMALL = InputSize(64, 64)

Vector = npt.NDArray[np.float32]
Shares = Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Suggestion:
    """The class that a picture is likely of.

    Attributes:
        label: of the class; None where nothing is known.
        probability: 0..1; 1 where a person said it, 0 where nothing is known.
        corrected: whether a person said it, on the preview.
    """

    label: str | None
    probability: float
    corrected: bool = False


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture to review.

    Attributes:
        file: below the folder, "/" between parts.
        suggestion: the class that it is likely of.
        looks: what is compared, float32 [n] of length 1: the product of two is their likeness.
    """

    file: str
    suggestion: Suggestion
    looks: Vector


class Reader(Protocol):
    """Makes of a file what is compared of it, and what a model makes of it."""

    def read(self, path: Path) -> tuple[Vector, Shares]:
        """The looks, and labels with their probabilities; empty where no model says any.

        Raises:
            PictureError: the file cannot be read.
        """


class GreyReader:
    """Compares pictures as `collect` does, 32x32 and grey."""

    def read(self, path: Path) -> tuple[Vector, Shares]:
        return likeness(model_input(path, _SMALL)), ()


class ModelReader:
    """Compares the features that a model pools, and classifies. Safe to share between threads."""

    def __init__(self, model: ModelFile) -> None:
        """Load a model.

        Raises:
            ModelFileError, EdgetlError: as `Classifier`.
        """
        self._head = dense_head(model)
        content = None if self._head is None else with_output(model, self._head.features.index)
        self._classifier = Classifier(model, content=content, threads=1)
        self._mine = threading.local()

    def read(self, path: Path) -> tuple[Vector, Shares]:
        if not hasattr(self._mine, "classifier"):
            self._mine.classifier = self._classifier.copy()
        classifier: Classifier = self._mine.classifier
        pixels = model_input(path, classifier.model.input_size)
        shares = list(zip(classifier.labels, map(float, classifier.infer(pixels)), strict=True))
        return self._looks(pixels, classifier, self._head), shares

    def _looks(self, pixels: Pixels, classifier: Classifier, head: DenseHead | None) -> Vector:
        if head is None:
            return likeness(pixels)
        stored = classifier.output(head.features.index)
        pooled = head.features.real(stored).mean(axis=(0, 1, 2))
        return np.asarray(pooled / max(float(np.linalg.norm(pooled)), 1e-6), np.float32)


def read_pictures(
    folder: Path, files: Sequence[str], reader: Reader
) -> Iterator[Picture | Problem]:
    """The pictures in the order of `files`; what cannot be read is a Problem.

    Args:
        files: below `folder`.
        reader: what looks at each, in a few threads.
    """

    def one(file: str) -> Picture | Problem:
        path = folder / file
        try:
            looks, shares = reader.read(path)
        except PictureError as error:
            return Problem(str(error))
        return Picture(file, suggestion_for(path, shares), looks)

    with ThreadPoolExecutor(default_threads()) as pool:
        try:
            yield from pool.map(one, files)
        finally:
            # Ctrl-C does not wait for the others.
            pool.shutdown(wait=False, cancel_futures=True)


def suggestion_for(path: Path, shares: Shares) -> Suggestion:
    """The class that a person said a picture is, else the most probable one.

    Args:
        shares: labels and probabilities as a model has them now; where there are none, what the
            picture's own record says counts. "unknown" and "unsure" are no classes, nor is what no
            folder can be called.
    """
    record = read_capture_record(path)
    if record is not None:
        if record.correct is not None and is_class(record.correct):
            return Suggestion(record.correct, 1.0, corrected=True)
        shares = shares or record.predictions
    known = [(share, label) for label, share in shares if is_class(label)]
    if not known:
        return Suggestion(None, 0.0)
    share, label = max(known, key=lambda one: one[0])
    return Suggestion(label, share)


def is_class(label: str) -> bool:
    """Whether a label can be the name of a class's folder, and stands for a class."""
    try:
        return class_name(label) == label and label not in (UNKNOWN, UNSURE)
    except SettingError:
        return False
