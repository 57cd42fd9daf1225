"""The two phases: what each trains, on what, and the call of `fit` that they share.

`fit` gets the part of the model that is not frozen, and the features that the frozen part gave for
the pictures; without cached features, the whole model and decoded pictures.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import tensorflow as tf

from edgetl.edge.errors import SettingError
from edgetl.trainer.data.batches import Batches, dataset
from edgetl.trainer.fitting.checkpoint import Array, Checkpoint, restore, values_of
from edgetl.trainer.fitting.epochs import PHASE_NAMES, EpochHistory, is_over, planned_epochs
from edgetl.trainer.fitting.fine_tuned import FineTuned, add_changes
from edgetl.trainer.fitting.rows import PhaseInputs, TrainingInputs
from edgetl.trainer.fitting.solving import solved_head, solved_on_all
from edgetl.trainer.network.adam import Adam
from edgetl.trainer.network.devices import Devices, computing_in
from edgetl.trainer.network.model import (
    Outputs,
    compile_for,
    feature_maps_model,
    features_model,
    freeze_backbone,
    head_model,
    outputs_of,
    set_head,
    tail_model,
    unfreeze_backbone,
)
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.records import Phase


@dataclass(frozen=True)
class Compiled:
    """The part of the model that a phase trains; `optimizer` is what its variables begin with."""

    part: keras.Model
    optimizer: list[Array]


@dataclass(frozen=True)
class Trainee:
    """A model and how it is trained: once, or again and again from its first weights.

    Attributes:
        model: the whole of it.
        start: its weights before any training.
        steps: of an epoch of phase two.
        class_weights: of each class's pictures in the loss, in labels order.
        strength: of the penalty of a head that is solved.
        known: the first so many classes are those that a picture is near to or unknown; 0 where the
            model is not to tell.
        labels: the classes.
        compiled: the parts of it so far; each is compiled once.
        outputs: what gives its features so far, by which and the layer they are computed from.
    """

    model: keras.Model
    recipe: Recipe
    devices: Devices
    steps: int
    class_weights: Sequence[float]
    strength: float
    known: int
    start: list[Array]
    labels: Sequence[str]
    compiled: dict[Phase, Compiled] = field(default_factory=dict)
    outputs: dict[tuple[str, int | None], Outputs] = field(default_factory=dict)

    def part(self, phase: Phase, inputs: TrainingInputs) -> Compiled:
        """What `fit` gets in a phase; the layers are the model's own."""
        with self.devices.scope(), computing_in(self.devices.policy):
            if phase == "head":
                freeze_backbone(self.model)
            else:
                unfreeze_backbone(self.model, first_layer=self.recipe.fine_tune_from)
            if phase not in self.compiled:
                self.compiled[phase] = self._compile(phase, inputs)
        return self.compiled[phase]

    def features_of(self, inputs: TrainingInputs) -> Outputs:
        """What gives pooled features of what phase two is fitted on, by the model's weights."""
        return self._outputs("pooled", features_model, inputs)

    def feature_maps_of(self, inputs: TrainingInputs) -> Outputs:
        """The same of what is pooled."""
        return self._outputs("maps", feature_maps_model, inputs)

    def _outputs(
        self, name: str, part: Callable[..., keras.Model], inputs: TrainingInputs
    ) -> Outputs:
        key = (name, inputs.split_layer)
        if key not in self.outputs:
            model = part(self.model, inputs.split_layer)
            self.outputs[key] = outputs_of(model, inputs.fine_tune.copies[0].file.dtype)
        return self.outputs[key]

    def _compile(self, phase: Phase, inputs: TrainingInputs) -> Compiled:
        part = self.model
        if phase == "head" and inputs.features:
            part = head_model(self.model)
        elif phase == "fine_tune" and inputs.split_layer is not None:
            dtype = self.devices.compute_dtype
            part = tail_model(self.model, inputs.split_layer, compute_dtype=dtype)
        compile_for(
            part,
            _optimizer(phase, self.recipe, steps=self.steps),
            label_smoothing=self.recipe.label_smoothing,
        )
        # As compiled: in mixed precision Keras wraps it in one that scales the loss.
        part.optimizer.build(part.trainable_variables)
        return Compiled(part, values_of(part.optimizer.variables))


def fit_phases(
    trainee: Trainee,
    inputs: TrainingInputs,
    recorder: EpochHistory,
    *,
    changes: FineTuned | None = None,
    checkpoint: Checkpoint | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> list[Array]:
    """Train both phases, or what is left of them after `checkpoint`.

    The model holds the last epoch's weights afterwards.

    Args:
        trainee: the model.
        inputs: what it is trained and validated on.
        recorder: keeps the history, which goes on after that of `checkpoint`.
        changes: what an earlier fine-tuning changed: phase two starts from there.
        checkpoint: where an interrupted training stopped.

    Returns:
        The whole model's weights after phase one; empty where it had none in this process.

    Raises:
        EdgetlError: the loss became infinite or not a number.
        SettingError: the GPU's memory is too small for the batches.
        OSError: the disk is full.
    """
    recipe = trainee.recipe
    restore(trainee.model.weights, trainee.start)
    after_head: list[Array] = []
    if recipe.head_solver == "lbfgs":
        # Solved again when a training is resumed: it takes seconds, and is the same.
        after_head = _solve(trainee, inputs, recorder)
    if checkpoint:
        restore(trainee.model.weights, checkpoint.weights)
    for phase in PHASE_NAMES:
        if not is_over(recorder.history, recipe, phase):
            begins = all(epoch.phase != phase for epoch in recorder.history)
            if changes and phase == "fine_tune" and begins:
                add_changes(trainee.model, changes, trainee.labels)
            _fit(trainee, phase, inputs, recorder, checkpoint, callbacks)
            if phase == "head":
                after_head = values_of(trainee.model.weights)
    return after_head


def _solve(trainee: Trainee, inputs: TrainingInputs, recorder: EpochHistory) -> list[Array]:
    assert inputs.features
    began = time.perf_counter()
    head = solved_head(inputs.features, trainee.class_weights, trainee.strength)
    if inputs.head:
        head = solved_on_all(inputs.head, inputs.features, trainee.strength, start=head)
    set_head(trainee.model, head.kernel, head.bias)
    if not recorder.history:
        recorder.add_solved(head, inputs.features, time.perf_counter() - began)
    return values_of(trainee.model.weights)


def _fit(
    trainee: Trainee,
    phase: Phase,
    inputs: TrainingInputs,
    recorder: EpochHistory,
    checkpoint: Checkpoint | None,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    recipe = trainee.recipe
    done = sum(epoch.phase == phase for epoch in recorder.history)
    first = len(recorder.history)
    compiled = trainee.part(phase, inputs)
    given = inputs.features if phase == "head" and inputs.features else inputs.fine_tune
    resumed = checkpoint.optimizer if checkpoint and done else compiled.optimizer
    restore(compiled.part.optimizer.variables, resumed)
    batches = _batches(given, recipe, steps=trainee.steps if phase == "fine_tune" else None)
    validation = None
    if len(given.validation):
        held = given.validation
        validation = Batches([held.file], held.rows, held.targets, batch_size=recipe.batch_size)
    weights = dict(enumerate(trainee.class_weights))
    recorder.phase = phase
    try:
        compiled.part.fit(
            dataset(batches, lambda: recorder.epoch),
            validation_data=validation and dataset(validation, lambda: recorder.epoch),
            initial_epoch=first,
            epochs=first + planned_epochs(recipe, phase) - done,
            class_weight=weights if set(trainee.class_weights) != {1.0} else None,
            callbacks=[recorder, *callbacks],
            verbose=0,
            shuffle=False,
        )
    except tf.errors.ResourceExhaustedError as error:
        smaller = max(1, recipe.batch_size // 2)
        raise SettingError(
            f"out of memory with {recipe.batch_size} pictures a step; "
            f"try --batch-size {smaller}, and continue with --resume"
        ) from error
    finally:
        recorder.close()


def _batches(given: PhaseInputs, recipe: Recipe, *, steps: int | None) -> Batches:
    first = given.copies[0]
    return Batches(
        [copy.file for copy in given.copies],
        first.rows,
        first.targets,
        batch_size=recipe.batch_size,
        shuffle_seed=recipe.seed,
        steps=steps,
    )


def _optimizer(phase: Phase, recipe: Recipe, *, steps: int) -> Any:
    if phase == "head":
        return Adam(recipe.head_lr)
    rate: Any = recipe.fine_tune_lr
    if recipe.fine_tune_schedule == "cosine":
        # A phase without an epoch is compiled too: it predicts.
        epochs = max(1, planned_epochs(recipe, phase))
        rate = keras.optimizers.schedules.CosineDecay(rate, steps * epochs)
    if recipe.fine_tune_optimizer == "adam":
        return Adam(rate)
    return keras.optimizers.RMSprop(rate)
