"""A model that can classify, and what its file holds once it is replaced."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgetl.edge.errors import quoted
from edgetl.edge.model.chosen import chosen_model
from edgetl.edge.model.classifier import Classifier
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.precision import Precision
from edgetl.edge.pipeline.thresholds import build_thresholds
from edgetl.edge.system.messages import logger


class ModelSettings(Protocol):
    """What the options of a command say of its model; see `edge.model.options`."""

    @property
    def model(self) -> Path | None: ...
    @property
    def labels(self) -> Path | None: ...
    @property
    def normalize(self) -> str | None: ...
    @property
    def runtime(self) -> str: ...
    @property
    def threshold(self) -> float | Precision: ...
    @property
    def unknown_at(self) -> float | None: ...


@dataclass(frozen=True)
class Loaded:
    """A model that can classify. `thresholds` are those of its labels, in their order."""

    classifier: Classifier
    thresholds: tuple[float, ...]

    @property
    def model(self) -> ModelFile:
        return self.classifier.model

    def needs_other_sinks(self, other: "Loaded") -> bool:
        """Whether sinks that were opened for `other` do not fit this one."""
        return (self.model.labels, self.thresholds) != (other.model.labels, other.thresholds)


def read_model(options: ModelSettings) -> ModelFile:
    """The model that options name, or the newest export.

    Raises:
        ModelFileError: there is none, or it or its labels cannot be used.
        SettingError: --normalize is not allowed.
    """
    return chosen_model(options.model, labels=options.labels, normalize=options.normalize)


def load(options: ModelSettings, model: ModelFile, *, threads: int) -> Loaded:
    """Load a model as options say; what its thresholds are is logged.

    Raises:
        The errors of `Classifier` and `build_thresholds`.
    """
    classifier = Classifier(
        model, runtime=options.runtime, threads=threads, unknown_at=options.unknown_at
    )
    return Loaded(classifier, build_thresholds(options.threshold, model))


def successor(options: ModelSettings, in_use: Loaded) -> Loaded | None:
    """What the file of options holds now, loaded and tried; None if that is in use.

    `options` name the file that is in use. From any thread.

    Raises:
        EdgetlError: it cannot be used, and why.
    """
    model = read_model(options)
    if model.content_sha256 == in_use.model.content_sha256:
        return None
    return load(options, model, threads=in_use.classifier.threads)


def log_replaced(loaded: Loaded) -> None:
    """Log which labels are in use from now on."""
    model = loaded.model
    logger.info(
        f"{quoted(model.path)} was replaced; in use now: {', '.join(map(quoted, model.labels))}"
    )
