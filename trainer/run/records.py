"""config.json, history.json and metrics.json of a run, as dataclasses.

Each file has a `version`; edgetl 0.1.0 wrote none, and history.json without it was a list. Before
version 2 the confusion in metrics.json was a matrix, before version 3 Adam trained every head.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any, Literal, TypeVar

import numpy as np

from edgetl.edge.errors import RunFolderError, SettingError, newer, quoted, reason
from edgetl.edge.model.learning_curve import LearningCurve
from edgetl.edge.model.thresholds import PrecisionRecord
from edgetl.edge.system import files
from edgetl.edge.system.json_record import DamagedError, from_json
from edgetl.trainer.comparison import RunComparison
from edgetl.trainer.metrics import CrossValidation, SplitMetrics
from edgetl.trainer.recipe import Recipe, upgraded

VERSION = 3
# split.json has a line and a SHA-256 for each photo: 200 bytes.
_MOST_BYTES = 500 * 10**6

Phase = Literal["head", "fine_tune"]
Record = TypeVar("Record")


@dataclass(frozen=True)
class IndexRecord:
    """The index that a run's photos were drawn from.

    Attributes:
        path: its folder.
        features: the folder of the features of all its pictures.
        pictures: how many of each class the head learned from.
    """

    path: str
    features: str
    pictures: Mapping[str, int]


@dataclass(frozen=True)
class DataRecord:
    """The photos of a run.

    `fingerprint` and `pictures`, their number by split and class, are known once they are read.
    `index` is None where they are all photos of the folder.
    """

    path: str
    fingerprint: str | None = None
    pictures: Mapping[str, Mapping[str, int]] | None = None
    index: IndexRecord | None = None


@dataclass(frozen=True)
class FromRecord:
    """The run that a training went on from: its folder, and when it was begun.

    `why_not` is why phase two started from nothing all the same, "" where it did not.
    """

    path: str
    created: str
    why_not: str = ""

    @property
    def name(self) -> str:
        """Of its folder."""
        return PurePath(self.path).name


@dataclass(frozen=True)
class RunConfig:
    """config.json: every setting used, the photos, and what computed.

    Attributes:
        edgetl: its version.
        created: the date and time, ISO 8601 in UTC.
        versions: of Python and packages, by name.
        computed_in: Keras' dtype policy, and what phase two multiplies in if that differs.
        asked: the settings for which the recipe has what training chose, such as "image_size", and
            what was asked for: "auto".
        from_run: None in a training that went on from no other.
    """

    edgetl: str
    created: str
    recipe: Recipe
    data: DataRecord
    versions: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    computed_in: Mapping[str, str | None] = field(default_factory=dict)
    asked: Mapping[str, str] = field(default_factory=dict)
    from_run: FromRecord | None = None
    version: int = VERSION


@dataclass(frozen=True)
class EpochRecord:
    """A finished epoch. Losses are cross-entropies in nats, accuracies shares, 0..1."""

    phase: Phase
    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    learning_rate: float


@dataclass(frozen=True)
class HeadMetrics:
    """Validation after phase one."""

    val_loss: float
    val_accuracy: float


@dataclass(frozen=True)
class UnknownMetrics:
    """Of photos of the classes, not trained on, how many are not called unknown."""

    held_out: int
    passed: int


@dataclass(frozen=True)
class RunMetrics:
    """metrics.json: what a run reached.

    Attributes:
        best_epoch, best_phase: whose weights the model has, by validation loss.
        fine_tuned: the share of that epoch's weights, 0..1, where they are averaged with those
            after phase one.
        temperature: what the logits were divided by, as photos asked that were not trained on.
        after_head: None without a phase one.
        training_seconds: of all epochs.
        splits: None for a split without pictures. Of a run that learned from all photos those of
            validation are cross-validated: of models that learned from the others.
        seconds: by stage.
        cross_validation: None in a run that has validation pictures.
        unknown: None where the model calls nothing unknown.
        precision: of the validation photos, or those cross-validated; None in a run of an older
            edgetl.
        comparison: with the model of the run that the training went on from; None without one, and
            where no photo can be compared.
        learning_curve: None where phase one was not solved, and in a run of an older edgetl.
    """

    best_epoch: int
    best_phase: Phase
    after_head: HeadMetrics | None
    training_seconds: float
    parameters: Mapping[str, int]
    splits: Mapping[str, SplitMetrics | None]
    seconds: Mapping[str, float]
    cross_validation: CrossValidation | None = None
    fine_tuned: float = 1.0
    temperature: float = 1.0
    unknown: UnknownMetrics | None = None
    precision: PrecisionRecord | None = None
    comparison: RunComparison | None = None
    learning_curve: LearningCurve | None = None
    version: int = VERSION

    @property
    def quoted(self) -> Literal["validation", "test"]:
        """The split whose accuracy is the one to quote: test, or validation if there is none."""
        return "test" if self.splits.get("test") else "validation"

    @property
    def replaces(self) -> bool:
        """Whether runs/latest moves to this run: not where an earlier model is better."""
        return not (self.comparison and self.comparison.worse)


def write_record(path: Path, record: RunConfig | RunMetrics) -> None:
    """Write config.json or metrics.json."""
    files.write_json(path, asdict(record))


def write_history(path: Path, history: Sequence[EpochRecord]) -> None:
    """Write history.json."""
    files.write_json(path, {"version": VERSION, "epochs": [asdict(epoch) for epoch in history]})


def read_record(path: Path, record: type[Record]) -> Record:
    """Read config.json as a RunConfig, or metrics.json as a RunMetrics.

    Raises:
        RunFolderError: it is missing, damaged, or of a newer edgetl.
    """
    value = read_json(path)
    if isinstance(value, dict) and value.get("version", 0) > VERSION:
        raise RunFolderError(newer(path))
    if record is RunMetrics:
        value = _with_sparse_confusions(value)
    if record is RunConfig and isinstance(value, dict) and isinstance(value.get("recipe"), dict):
        value = {**value, "recipe": upgraded(value["recipe"])}
    try:
        made: Record = from_json(record, value)
    except (DamagedError, SettingError) as error:
        raise RunFolderError(f"{quoted(path)}: damaged ({error}); train again") from error
    return made


def read_json(path: Path) -> Any:
    """What a JSON file of a run holds.

    Raises:
        RunFolderError: it is missing or is not JSON.
    """
    try:
        return files.read_json(path, at_most=_MOST_BYTES)
    except OSError as error:
        raise RunFolderError(f"{quoted(path)}: {reason(error)}; train again") from error
    except ValueError as error:
        raise RunFolderError(f"{quoted(path)}: damaged; train again") from error


def _with_sparse_confusions(value: Any) -> Any:
    """metrics.json of any version as of this one; what is damaged is left as it is."""
    if not (isinstance(value, dict) and isinstance(value.get("splits"), dict)):
        return value
    splits = {name: _with_sparse_confusion(split) for name, split in value["splits"].items()}
    return {**value, "splits": splits, "version": VERSION}


def _with_sparse_confusion(split: Any) -> Any:
    try:
        labels, matrix = list(split["per_class"]), np.array(split["confusion"], np.int64)
        true, given = np.nonzero(matrix.reshape(len(labels), len(labels)))
    except (KeyError, TypeError, ValueError, OverflowError):
        return split
    sparse: dict[str, dict[str, int]] = {}
    for row, column in zip(true.tolist(), given.tolist(), strict=True):
        sparse.setdefault(labels[row], {})[labels[column]] = int(matrix[row, column])
    return {**split, "confusion": sparse}
