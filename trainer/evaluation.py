"""What a trained model reaches: probabilities, metrics and doubtful labels."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import keras
import numpy as np
import numpy.typing as npt

from edgetl.edge.model.thresholds import PrecisionRecord
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.calibration import calibration, with_temperature
from edgetl.trainer.comparison import RunComparison
from edgetl.trainer.data.dataset import SPLITS, Dataset, Split
from edgetl.trainer.doubtful.confident_learning import check_labels
from edgetl.trainer.doubtful.moves import moving_command, suggested_moves, write_moves
from edgetl.trainer.fitting.fit import Fit
from edgetl.trainer.fitting.inputs import Pictures
from edgetl.trainer.fitting.learning_curve import learning_curve
from edgetl.trainer.network.model import ParameterCounts, class_probabilities, folded_model
from edgetl.trainer.preparation import Prepared
from edgetl.trainer.report.labels import DoubtfulPhotos, doubtful_photos
from edgetl.trainer.report.mistakes import SHOWN_MISTAKES
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import HeadMetrics, RunMetrics, UnknownMetrics


def split_probabilities(
    model: keras.Model, pictures: Pictures
) -> dict[Split, metrics.Probabilities]:
    """The probabilities of each split's measured pictures, float32 [pictures, classes]."""
    rows = [pictures.rows[split][pictures.measured(split)] for split in SPLITS]
    together = class_probabilities(folded_model(model), pictures.pixels, np.concatenate(rows))
    ends = np.cumsum([len(some) for some in rows])
    return dict(zip(SPLITS, np.split(together, ends[:-1]), strict=True))


@dataclass(frozen=True)
class Evaluated:
    """What was predicted for the pictures of a split, and which they are.

    Attributes:
        probabilities: float32 [pictures, classes].
        pictures: int [pictures], indices in `Dataset.examples`.
    """

    probabilities: metrics.Probabilities
    pictures: npt.NDArray[np.int64]

    @property
    def predicted(self) -> metrics.Classes:
        """The most probable class of each picture, int [pictures]."""
        found: metrics.Classes = self.probabilities.argmax(axis=1)
        return found


def evaluate(
    model: keras.Model, pictures: Pictures, dataset: Dataset, fitted: Fit
) -> dict[Split, Evaluated]:
    """What a trained model predicts for each split's measured pictures.

    Where the model learned from all photos, validation is what the folds' models predict.
    """
    indices = {split: np.array(dataset.of(split), np.int64) for split in SPLITS}
    found = {
        split: Evaluated(some, indices[split][pictures.measured(split)])
        for split, some in split_probabilities(model, pictures).items()
    }
    if fitted.held_out is not None and fitted.out_of_fold is not None:
        held = indices["train"][fitted.held_out.rows]
        found["validation"] = Evaluated(fitted.out_of_fold, held)
    return found


def split_metrics(
    evaluated: Mapping[Split, Evaluated], dataset: Dataset, temperature: float
) -> dict[str, metrics.SplitMetrics | None]:
    """The figures on each split's measured pictures; None for a split without pictures."""
    trained = set(dataset.clusters("train"))
    figures: dict[str, metrics.SplitMetrics | None] = {}
    for split, one in evaluated.items():
        examples = [dataset.examples[i] for i in one.pictures]
        targets = dataset.classes_of(examples)
        found = metrics.summary(
            one.probabilities,
            targets,
            dataset.labels,
            clusters=[example.cluster for example in examples],
            # Folds are divided between near-copies nowhere.
            trained=trained if split != "train" and dataset.of(split) else (),
        )
        if found:
            found = replace(found, calibration=calibration(one.probabilities, targets))
        if found and temperature != 1:
            before = with_temperature(one.probabilities, 1 / temperature)
            found = replace(found, uncalibrated=calibration(before, targets))
        figures[split] = found
    return figures


def targets_of(dataset: Dataset, evaluated: Evaluated) -> metrics.Classes:
    """The true classes of the pictures, int [pictures]."""
    return dataset.classes_of([dataset.examples[i] for i in evaluated.pictures])


def given_classes(dataset: Dataset, evaluated: Mapping[Split, Evaluated]) -> dict[str, str]:
    """The class that each held-out photo was given, by file."""
    return {
        dataset.examples[i].file: dataset.labels[given]
        for split in ("validation", "test")
        for i, given in zip(
            evaluated[split].pictures.tolist(),
            evaluated[split].predicted.tolist(),
            strict=True,
        )
    }


def write_doubtful(prepared: Prepared, fitted: Fit, run: RunFolder) -> DoubtfulPhotos | None:
    """Write the training photos whose label is doubtful as moves, and log how many there are.

    None where the head was not solved, so that nothing was cross-validated.

    Raises:
        RunFolderError: the file cannot be written.
    """
    if fitted.solved is None:
        return None
    dataset, pictures = prepared.dataset, prepared.pictures
    trained = [dataset.examples[i] for i in dataset.of("train")]
    check = check_labels(trained, dataset.labels, fitted.solved.probabilities)
    write_moves(run.doubtful, suggested_moves(check.doubtful))
    if check.doubtful:
        logger.info(
            f"labels     {len(check.doubtful)} of {len(trained)} training photos have a doubtful "
            f"label: see report.html"
        )
    rows = {e.file: row for e, row in zip(trained, pictures.rows["train"], strict=True)}
    return doubtful_photos(
        check,
        lambda file: pictures.pixels[rows[file]],
        most=SHOWN_MISTAKES,
        command=moving_command(dataset.root, "--apply", run.doubtful),
    )


def run_metrics(
    fitted: Fit,
    counts: ParameterCounts,
    splits: Mapping[str, metrics.SplitMetrics | None],
    seconds: Mapping[str, float],
    precision: PrecisionRecord,
    comparison: RunComparison | None,
    trained: Mapping[str, int],
) -> RunMetrics:
    """The content of metrics.json; `seconds` are by stage.

    `trained` is how many training pictures each class has.
    """
    held_out = splits["validation"]
    best = next(epoch for epoch in fitted.history if epoch.epoch == fitted.best_epoch)
    head = [epoch for epoch in fitted.history if epoch.phase == "head"]
    return RunMetrics(
        best_epoch=best.epoch,
        best_phase=best.phase,
        after_head=HeadMetrics(head[-1].val_loss, head[-1].val_accuracy) if head else None,
        training_seconds=round(sum(epoch.seconds for epoch in fitted.history), 1),
        parameters=asdict(counts),
        splits=splits,
        seconds=dict(seconds),
        cross_validation=fitted.cross_validation,
        fine_tuned=fitted.choice.share,
        temperature=fitted.choice.temperature,
        unknown=UnknownMetrics(fitted.unknown.held_out, fitted.unknown.passed)
        if fitted.unknown
        else None,
        precision=precision,
        comparison=comparison,
        learning_curve=learning_curve(
            fitted.curve, trained, held_out.per_class, 1 - held_out.accuracy
        )
        if held_out
        else None,
    )
