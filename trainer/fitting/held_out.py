"""What a model predicts for photos that it did not learn from, and what follows from that.

Where the data has validation pictures these are they. Else the photos are cross-validated: for
each fold a model learns from the others, and the last one, which is kept, from all photos.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import quoted
from edgetl.edge.model.class_distance import fit_distance
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.fitting.averaging import SHARES, average
from edgetl.trainer.fitting.checkpoint import Array, restore, values_of
from edgetl.trainer.fitting.epochs import EpochHistory, planned_epochs
from edgetl.trainer.fitting.explaining import Explanation, TrainingFeatures, balanced, explain
from edgetl.trainer.fitting.fine_tuned import FineTuned, changes_of, write_changes
from edgetl.trainer.fitting.folds import NONE, Folds, learned_without
from edgetl.trainer.fitting.phases import Trainee, fit_phases
from edgetl.trainer.fitting.rows import TrainingInputs
from edgetl.trainer.network.model import head_probabilities
from edgetl.trainer.progress import progress
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder

# Folds are held out until they hold so many photos: more would tell little more.
ENOUGH_HELD_OUT = 200


@dataclass(frozen=True)
class HeldOut:
    """Predictions for photos by models that did not learn from them.

    Attributes:
        rows: int [pictures], which of the training pictures; of validation pictures, all.
        targets: int [pictures], their classes.
        folds: int [pictures], the fold of each; all 0 for validation pictures.
        probabilities: float32 [pictures, classes] by the fine-tuned model's share in the average.
        epochs: the loss and accuracy on them after each epoch; empty for validation pictures.
        distances: from the known classes, float64 [pictures] by share; empty where the model is not
            to tell what is unknown.
        explained: why pictures were taken for another class, by share; of folds only.
    """

    rows: npt.NDArray[np.int64]
    targets: metrics.Classes
    folds: npt.NDArray[np.int64]
    probabilities: Mapping[float, metrics.Probabilities]
    epochs: Sequence[tuple[float, float]] = ()
    distances: Mapping[float, npt.NDArray[np.float64]] = field(default_factory=dict)
    explained: Mapping[float, Explanation] = field(default_factory=dict)


def _averages(trainee: Trainee, after_head: Sequence[Array]) -> Iterator[float]:
    """Give the model each average of the weights after phase one and its own, by their share.

    It has its own afterwards. Without an average in the recipe, or without weights of phase one,
    it has only these.
    """
    tuned = values_of(trainee.model.weights)
    trained = planned_epochs(trainee.recipe, "fine_tune") > 0
    for share in SHARES if trainee.recipe.averages and after_head and trained else (1.0,):
        weights = tuned if share == 1 else average(after_head, tuned, share)
        restore(trainee.model.weights, weights)
        yield share
    restore(trainee.model.weights, tuned)


def training_features(trainee: Trainee, inputs: TrainingInputs) -> TrainingFeatures:
    """Pooled features of training photos by the model's weights, of about 1000 of them.

    Where the model is to tell what is unknown these are photos of the known classes.
    """
    plain = inputs.fine_tune.plain
    assert plain is not None
    classes = np.arange(trainee.known) if trainee.known else np.unique(plain.targets)
    some = balanced(plain.targets, classes)
    features = trainee.features_of(inputs)(plain.file, plain.rows[some])
    return TrainingFeatures(some, plain.targets[some], features)


def predict_validation(
    trainee: Trainee, inputs: TrainingInputs, after_head: Sequence[Array]
) -> HeldOut:
    """The predictions for the validation pictures."""
    held, features_of = inputs.fine_tune.validation, trainee.features_of(inputs)
    probabilities, distances = {}, {}
    for share in _averages(trainee, after_head):
        features = features_of(held.file, held.rows)
        probabilities[share] = head_probabilities(trainee.model, features)
        if trainee.known:
            known = training_features(trainee, inputs)
            distances[share] = fit_distance(known.features, known.targets).of(features)
    folds = np.zeros(len(held), np.int64)
    return HeldOut(np.arange(len(held)), held.targets, folds, probabilities, (), distances)


def predict_folds(
    trainee: Trainee,
    inputs: TrainingInputs,
    folds: Folds,
    run: RunFolder,
    starts: Mapping[int, FineTuned],
) -> HeldOut:
    """The predictions for each fold by a model of the others, until enough photos were held out.

    Args:
        trainee: the model.
        inputs: of all photos.
        folds: of the training pictures.
        run: where what a fold gave is kept, so that a resumed training has it, and what
            fine-tuning changed.
        starts: where phase two of a fold starts, if not after phase one.
    """
    plain, wanted, filled = (
        inputs.fine_tune.plain,
        trainee.recipe.folds,
        len(_filled(folds.held_out)),
    )
    assert plain is not None
    if filled < wanted:
        logger.warning(
            f"cross-validation has {filled} folds and not {wanted}: no class has more photos, "
            f"near-copies counted as one"
        )
    parts: list[HeldOut] = []
    chosen = folds_held_out(folds.held_out)
    for number, fold in enumerate(chosen):
        path = run.activations / f"fold-{fold}.npz"
        title = f"fold {number + 1}/{len(chosen)}"
        held = folds.held_out == fold
        rows = np.flatnonzero(held)
        found = _read(path)
        if found is None:
            learned = learned_without(fold, folds.held_out, folds.units)
            fold_inputs = inputs.held_out(held, learned)
            changed = run.fine_tuned(fold)
            others = np.flatnonzero(learned)
            found = _fold(trainee, fold_inputs, others, starts.get(fold), changed, title=title)
            _write(path, found)
        part = HeldOut(rows, plain.targets[rows], np.full(len(rows), fold), *found)
        parts.append(part)
        share = max(part.probabilities)
        right = metrics.accuracy(part.probabilities[share], part.targets)
        logger.info(f"{title}   {len(part.rows)} photos held out, acc. {right:.3f}")
    return _joined(parts)


def folds_held_out(folds: npt.NDArray[np.int64]) -> list[int]:
    """The folds that are, of the fold of each photo: until they hold enough photos."""
    chosen: list[int] = []
    for fold in _filled(folds):
        if np.isin(folds, chosen).sum() < ENOUGH_HELD_OUT and not (folds == fold).all():
            chosen.append(int(fold))
    return chosen


def _filled(folds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The folds that hold photos."""
    filled: npt.NDArray[np.int64] = np.unique(folds[folds != NONE])
    return filled


class _FoldHistory(EpochHistory):
    """The history of a fold, whose progress is a bar over all its steps of phase two."""

    def __init__(self, recipe: Recipe, advance: Callable[[], None]) -> None:
        super().__init__(recipe)
        self._advance = advance

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        if self.phase == "fine_tune":
            self._advance()


# What a fold gives: the probabilities, epochs, distances and explanations of `HeldOut`.
_Found = tuple[
    dict[float, metrics.Probabilities],
    list[tuple[float, float]],
    dict[float, npt.NDArray[np.float64]],
    dict[float, Explanation],
]


def _fold(
    trainee: Trainee,
    inputs: TrainingInputs,
    others: npt.NDArray[np.int64],
    start: FineTuned | None,
    changed: Path,
    *,
    title: str,
) -> _Found:
    """Train without a fold and predict it.

    `others` are the training photos that are learned from, and `changed` is where what fine-tuning
    changed is kept.
    """
    total = trainee.steps * planned_epochs(trainee.recipe, "fine_tune")
    with progress(title, total) as advance:
        history = _FoldHistory(trainee.recipe, advance)
        after_head = fit_phases(trainee, inputs, history, changes=start)
    keep_changes(trainee, after_head, changed)
    model, held = trainee.model, inputs.fine_tune.validation
    probabilities, distances, explained = {}, {}, {}
    for share in _averages(trainee, after_head):
        features = trainee.features_of(inputs)(held.file, held.rows)
        found = probabilities[share] = head_probabilities(model, features)
        training = training_features(trainee, inputs)
        if trainee.known:
            distances[share] = fit_distance(training.features, training.targets).of(features)
        explained[share] = explain(
            model,
            trainee.feature_maps_of(inputs),
            held.file,
            held.rows,
            found.argmax(axis=1),
            held.targets,
            replace(training, rows=others[training.rows]),
        )
    epochs = [(epoch.val_loss, epoch.val_accuracy) for epoch in history.history]
    return probabilities, epochs, distances, explained


def keep_changes(trainee: Trainee, after_head: Sequence[Array], path: Path) -> None:
    """Keep what fine-tuning changed, for a later training to start there.

    Raises:
        OSError: the disk is full.
    """
    if after_head and planned_epochs(trainee.recipe, "fine_tune"):
        write_changes(path, changes_of(trainee.model, after_head, trainee.labels))


def _write(path: Path, found: _Found) -> None:
    probabilities, epochs, distances, explained = found
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            shares=np.array(list(probabilities)),
            probabilities=np.stack(list(probabilities.values())),
            distances=np.array(list(distances.values())),
            epochs=np.array(epochs),
            evidence=np.stack([one.evidence for one in explained.values()]),
            nearest=np.stack([one.nearest for one in explained.values()]),
        )


def _read(path: Path) -> _Found | None:
    """What an interrupted training found there; None without it, or where it is damaged."""
    if not path.is_file():
        return None
    try:
        with np.load(path) as file:
            shares = file["shares"].tolist()
            probabilities = dict(zip(shares, file["probabilities"], strict=True))
            distances = dict(zip(shares, file["distances"], strict=False))
            epochs = [(float(loss), float(right)) for loss, right in file["epochs"]]
            explained = map(Explanation, file["evidence"], file["nearest"])
            return probabilities, epochs, distances, dict(zip(shares, explained, strict=True))
    except Exception as error:  # A damaged archive raises anything from BadZipFile to KeyError.
        words = " ".join(str(error).split())[:200]
        logger.warning(f"{quoted(path)}: damaged ({words}); trained again")
        return None


def _joined(parts: Sequence[HeldOut]) -> HeldOut:
    weights = np.array([len(part.rows) for part in parts], np.float64)
    epochs = np.average([part.epochs for part in parts], axis=0, weights=weights)
    return HeldOut(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.folds for part in parts]),
        {
            share: np.concatenate([part.probabilities[share] for part in parts])
            for share in parts[0].probabilities
        },
        [(float(loss), float(right)) for loss, right in epochs],
        {
            share: np.concatenate([part.distances[share] for part in parts])
            for share in parts[0].distances
        },
        {
            share: Explanation(
                np.concatenate([part.explained[share].evidence for part in parts]),
                np.concatenate([part.explained[share].nearest for part in parts]),
            )
            for share in parts[0].explained
        },
    )
