"""Both phases on cached features, and the weights that held-out photos ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import keras
import numpy as np

from edgetl.edge.model.class_distance import Unknown, fit_distance, fit_unknown
from edgetl.edge.model.learning_curve import CurvePoint
from edgetl.trainer import metrics
from edgetl.trainer.calibration import with_temperature
from edgetl.trainer.clock import Clock
from edgetl.trainer.fitting.averaging import Choice, average, choose
from edgetl.trainer.fitting.checkpoint import Array, Checkpoint, restore, values_of
from edgetl.trainer.fitting.epochs import EpochRecorder, epoch_steps
from edgetl.trainer.fitting.explaining import TrainingFeatures
from edgetl.trainer.fitting.fine_tuned import FINAL, FineTuned
from edgetl.trainer.fitting.folds import Folds
from edgetl.trainer.fitting.held_out import (
    HeldOut,
    keep_changes,
    predict_folds,
    predict_validation,
    training_features,
)
from edgetl.trainer.fitting.inputs import Pictures, training_inputs
from edgetl.trainer.fitting.learning_curve import measure_curve
from edgetl.trainer.fitting.phases import Trainee, fit_phases
from edgetl.trainer.fitting.rows import HeadPhotos, TrainingInputs
from edgetl.trainer.fitting.solving import CrossValidated, cross_validate
from edgetl.trainer.network.devices import Devices
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import EpochRecord


@dataclass(frozen=True)
class Fit:
    """The result of both phases.

    Attributes:
        history: the epochs of history.json.
        weights: the whole model's, before its logits are divided by the temperature.
        best_epoch: whose weights they are; in an average, the fine-tuned model's.
        choice: the share of the fine-tuned model in the average, and the temperature.
        held_out: the predictions of folds; None where the data has validation pictures.
        unknown: when a picture is unknown; None where the model is not to tell.
        training: features of training photos by these weights; None where nobody asked for them.
        solved: the cross-validated heads of phase one; None where that is not solved.
        curve: the points of the learning curve; none where phase one is not solved.
    """

    history: list[EpochRecord]
    weights: list[Array]
    best_epoch: int
    choice: Choice
    held_out: HeldOut | None
    unknown: Unknown | None = None
    training: TrainingFeatures | None = None
    solved: CrossValidated | None = None
    curve: Sequence[CurvePoint] = ()

    @property
    def out_of_fold(self) -> metrics.Probabilities | None:
        """What the folds' models predict, calibrated as the final one is; None without folds."""
        if self.held_out is None:
            return None
        found = self.held_out.probabilities[self.choice.share]
        return with_temperature(found, self.choice.temperature)

    @property
    def cross_validation(self) -> metrics.CrossValidation | None:
        """The accuracy on photos that were cross-validated; None without folds."""
        found = self.out_of_fold
        if self.held_out is None or found is None:
            return None
        targets, folds = self.held_out.targets, self.held_out.folds
        parts = [folds == fold for fold in np.unique(folds)]
        accuracies = tuple(metrics.accuracy(found[part], targets[part]) for part in parts)
        return metrics.CrossValidation(
            folds=len(parts),
            pictures=len(targets),
            accuracies=accuracies,
            accuracy=metrics.accuracy(found, targets),
            spread=float(np.std(accuracies, ddof=1)) if len(parts) > 1 else 0.0,
            loss=metrics.log_loss(found, targets),
        )


def fit(
    model: keras.Model,
    features_of: keras.Model,
    pictures: Pictures,
    folds: Folds,
    run: RunFolder,
    recipe: Recipe,
    clock: Clock,
    *,
    labels: Sequence[str],
    class_weights: Sequence[float],
    known: int,
    starts: Mapping[int, FineTuned],
    checkpoint: Checkpoint | None,
    devices: Devices,
    head: HeadPhotos | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Fit:
    """Train both phases, from `checkpoint` on, and choose the weights.

    Without validation pictures a model is trained without each fold first.

    Args:
        model: what is trained.
        features_of: the same model, on one device in full precision, for features.
        pictures: decoded.
        folds: of the training pictures.
        run: where checkpoints, features and history.json go.
        recipe: with its number of epochs.
        clock: gets what each stage takes.
        labels: the classes.
        class_weights: of each class's pictures in the loss, in labels order.
        known: how many of the classes, the first, a picture is near to or unknown; 0 where the
            model is not to tell.
        starts: where phase two starts, by fold and FINAL; elsewhere after phase one.
        checkpoint: where an interrupted training stopped.
        devices: that the model was made for.
        head: what the head is solved on, if that is more than `pictures`.

    Raises:
        The errors of `fit_phases`.
    """
    inputs = replace(training_inputs(features_of, pictures, run, recipe), head=head)
    clock.lap("activations")
    solved = None
    if recipe.head_solver == "lbfgs":
        assert inputs.features
        solved = cross_validate(inputs.features, folds.head, class_weights)
    clock.lap("head")
    curve: Sequence[CurvePoint] = ()
    if solved and inputs.features:
        seed, strength = recipe.seed, solved.strength
        curve = measure_curve(inputs.features, folds, class_weights, strength, seed=seed)
        clock.lap("curve")
    trainee = Trainee(
        model,
        recipe,
        devices,
        epoch_steps(recipe, len(pictures.rows["train"])),
        class_weights,
        solved.strength if solved else 0.0,
        known,
        values_of(model.weights),
        labels,
    )
    held_out = None
    if not len(inputs.fine_tune.validation):
        held_out = predict_folds(trainee, inputs, folds, run, starts)
        clock.lap("folds")
    recorder = EpochRecorder(run, recipe, model, checkpoint, held_out.epochs if held_out else None)
    after_head = fit_phases(
        trainee,
        inputs,
        recorder,
        changes=starts.get(FINAL),
        checkpoint=checkpoint,
        callbacks=callbacks,
    )
    keep_changes(trainee, after_head, run.fine_tuned(FINAL))
    clock.lap("fine_tune")
    fitted = _chosen(trainee, inputs, recorder, after_head, held_out)
    clock.lap("fine_tune")
    return replace(fitted, solved=solved, curve=curve)


def _chosen(
    trainee: Trainee,
    inputs: TrainingInputs,
    recorder: EpochRecorder,
    after_head: Sequence[Array],
    held_out: HeldOut | None,
) -> Fit:
    history, recipe = recorder.history, trainee.recipe
    best = history[-1].epoch
    if not (recipe.averages or held_out):
        restore(trainee.model.weights, recorder.best)
        best = min(history, key=lambda epoch: epoch.val_loss).epoch
    tuned, choice = values_of(trainee.model.weights), Choice(1.0, 1.0)
    found = held_out
    if recipe.averages or recipe.calibrate or trainee.known:
        found = held_out or predict_validation(trainee, inputs, after_head)
        choice = choose(found.probabilities, found.targets, calibrate=recipe.calibrate)
    weights = tuned if choice.share == 1 else average(after_head, tuned, choice.share)
    unknown = training = None
    if trainee.known and found:
        restore(trainee.model.weights, weights)
        training = training_features(trainee, inputs)
        unknown = _unknown(training, found, choice)
    best = best if choice.share else 1
    return Fit(history, weights, best, choice, held_out, unknown, training)


def _unknown(training: TrainingFeatures, held_out: HeldOut, choice: Choice) -> Unknown | None:
    """When a picture is unknown to the model with its final weights."""
    distance = fit_distance(training.features, training.targets)
    known = held_out.targets < len(distance.means)
    if not known.any():
        return None
    calibrated = with_temperature(held_out.probabilities[choice.share], choice.temperature)
    return fit_unknown(distance, held_out.distances[choice.share][known], calibrated[known])
