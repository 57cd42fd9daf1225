"""The two phases: what each trains, on what, and the call of `fit` that they share.

With a feature cache `fit` gets the part of the model that is not frozen, and the features that the
frozen part gave for the pictures. Without one it gets the whole model and decoded pictures.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from edgetl.edge.errors import SettingError
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.data.batches import Batches, dataset
from edgetl.trainer.data.dataset import Split
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.features.cache import (
    Network,
    augmented_copy,
    below_split,
    computed,
    features_above_split,
    features_of_pixels,
    row_size,
    split_layer_below,
)
from edgetl.trainer.fitting.checkpoint import Array, Checkpoint, restore
from edgetl.trainer.fitting.epochs import PHASE_NAMES, EpochRecorder, is_over, planned_epochs
from edgetl.trainer.network.adam import Adam
from edgetl.trainer.network.devices import Devices
from edgetl.trainer.network.model import (
    backbone_of,
    compile_for,
    freeze_backbone,
    head_model,
    tail_model,
    unfreeze_backbone,
)
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import EpochRecord, Phase

# Enough training pictures to show whether a model overfits.
TRAINING_SAMPLE = 500
# A head that is fine-tuned afterwards gains nothing from more augmented copies than make so many
# pictures; with 40 photos it does gain from all four (docs/recipes.md).
ENOUGH_FOR_A_HEAD = 2000


@dataclass(frozen=True)
class Pictures:
    """Decoded pictures, uint8 [pictures, height, width, 3] RGB; each split's rows and classes."""

    pixels: MemoryMappedArray
    rows: dict[Split, npt.NDArray[np.int64]]
    targets: dict[Split, metrics.Classes]

    def measured(self, split: Split) -> npt.NDArray[np.int64]:
        """The indices within a split of the pictures that its final metrics are computed on.

        All of them, but at most 500 training pictures, evenly spaced, as they are ordered by class.
        """
        count = len(self.rows[split])
        if split != "train" or count <= TRAINING_SAMPLE:
            return np.arange(count)
        return np.arange(TRAINING_SAMPLE) * count // TRAINING_SAMPLE


@dataclass(frozen=True)
class PhaseInputs:
    """What a phase is fitted on: the rows of the training pictures in each augmented copy of them,
    and of the validation pictures, which are not augmented, in theirs.
    """

    copies: Sequence[MemoryMappedArray]
    rows: npt.NDArray[np.int64]
    validation: MemoryMappedArray
    validation_rows: npt.NDArray[np.int64]


@dataclass(frozen=True)
class FeatureCache:
    """Cached features of each phase: pooled ones for the head, and for fine-tuning those at the
    output of the backbone's layer `split_layer`.

    `split_layer` and `fine_tune` are None where phase two trains the whole model, or there is none.
    """

    split_layer: int | None
    head: PhaseInputs
    fine_tune: PhaseInputs | None


@dataclass(frozen=True)
class Fit:
    """The result of both phases.

    `history` has the epochs of history.json, `best` the whole model's weights after the epoch with
    the lowest validation loss, `seconds` what each phase took in this process.
    """

    history: list[EpochRecord]
    best: list[Array]
    seconds: dict[Phase, float]


def cached_features(
    model: keras.Model, pictures: Pictures, run: RunFolder, recipe: Recipe
) -> FeatureCache:
    """Compute the features of the training and validation pictures, or find them on disk.

    Raises:
        OSError: the disk is full.
    """
    trained, validated = pictures.rows["train"], pictures.rows["validation"]
    copies, split_layer = _affordable(model, recipe, trained=len(trained), validated=len(validated))
    folder = run.activations
    folder.mkdir(exist_ok=True)
    names = [f"train-view-{n}" for n in range(copies)] if recipe.augments else ["train"]

    def inputs(copies: list[MemoryMappedArray], validation: MemoryMappedArray) -> PhaseInputs:
        return PhaseInputs(copies, np.arange(len(trained)), validation, np.arange(len(validated)))

    def computed_by(network: Network, layer: str) -> PhaseInputs:
        def of(name: str, rows: npt.NDArray[np.int64], **how: Any) -> MemoryMappedArray:
            path = folder / f"{name}-{layer}.npy"
            return computed(network, pictures.pixels, rows, path=path, **how)

        return inputs(
            [of(name, trained, augment=augmented_copy(recipe, n)) for n, name in enumerate(names)],
            of("validation", validated),
        )

    if split_layer is None:
        return FeatureCache(
            None, computed_by(features_of_pixels(model, cache=run.cache), "features"), None
        )
    fine_tune = computed_by(below_split(model, split_layer, cache=run.cache), "split_layer")
    above = features_above_split(model, split_layer, cache=run.cache)

    def features(name: str, file: MemoryMappedArray) -> MemoryMappedArray:
        return computed(above, file, np.arange(len(file)), path=folder / f"{name}-features.npy")

    head_views = recipe.head_views or -(-ENOUGH_FOR_A_HEAD // len(trained))
    some = zip(names[:head_views], fine_tune.copies, strict=False)
    head = inputs([features(*copy) for copy in some], features("validation", fine_tune.validation))
    return FeatureCache(split_layer, head, fine_tune)


def _affordable(
    model: keras.Model, recipe: Recipe, *, trained: int, validated: int
) -> tuple[int, int | None]:
    """How many augmented copies, and the split layer for phase two, fit into the disk budget."""
    backbone = backbone_of(model)
    copies = min(recipe.views, recipe.epochs) if recipe.augments else 1
    split_layer = split_layer_below(backbone, recipe.fine_tune_from)
    if split_layer is None or not planned_epochs(recipe, "fine_tune"):
        return copies, None
    size = row_size(backbone, split_layer)
    fitting = int((recipe.disk_budget * 1e9 / size - validated) // trained)
    if fitting >= copies:
        return copies, split_layer
    needed = size * (copies * trained + validated) / 1e9
    instead = f"{fitting} fit" if fitting > 0 else "phase two does without"
    logger.info(
        f"cached features of {copies} augmented copies take {needed:.1f} GB, more than "
        f"--disk-budget {recipe.disk_budget:g}: {instead}"
    )
    return (fitting, split_layer) if fitting > 0 else (copies, None)


def fit_phases(
    model: keras.Model,
    pictures: Pictures,
    run: RunFolder,
    recipe: Recipe,
    *,
    features: FeatureCache | None,
    class_weights: Sequence[float],
    checkpoint: Checkpoint | None,
    devices: Devices,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> Fit:
    """Train both phases, or what is left of them after `checkpoint`.

    Args:
        model: the whole model; it holds the last epoch's weights afterwards.
        run: where checkpoints and history.json go.
        features: of `cached_features`, None to compute everything in every epoch.
        class_weights: of each class's pictures in the loss, in labels order.
        checkpoint: where an interrupted training stopped.
        devices: that the model was made for.

    Raises:
        EdgetlError: the loss became infinite or not a number.
        SettingError: the GPU's memory is too small for the batches.
        OSError: the disk is full.
    """
    recorder = EpochRecorder(run, recipe, model, checkpoint)
    history = recorder.history
    weights = dict(enumerate(class_weights)) if set(class_weights) != {1.0} else None
    seconds: dict[Phase, float] = {}
    if checkpoint:
        restore(model.weights, checkpoint.weights)
    for phase in PHASE_NAMES:
        if is_over(history, recipe, phase):
            continue
        began = time.perf_counter()
        done = sum(epoch.phase == phase for epoch in history)
        first = len(history)
        with devices.scope():
            if phase == "head":
                freeze_backbone(model)
            else:
                unfreeze_backbone(model, first_layer=recipe.fine_tune_from)
            part, given = _part(phase, model, pictures, features, devices.compute_dtype)
            batches = Batches(
                given.copies,
                given.rows,
                pictures.targets["train"],
                batch_size=recipe.batch_size,
                shuffle_seed=recipe.seed,
            )
            validation = Batches(
                [given.validation],
                given.validation_rows,
                pictures.targets["validation"],
                batch_size=recipe.batch_size,
            )
            compile_for(
                part,
                _optimizer(phase, recipe, steps=len(batches)),
                label_smoothing=recipe.label_smoothing,
            )
            # As compiled: in mixed precision Keras wraps it in one that scales the loss.
            optimizer = part.optimizer
            optimizer.build(part.trainable_variables)
            if checkpoint and done:
                restore(optimizer.variables, checkpoint.optimizer)
        recorder.phase = phase
        try:
            part.fit(
                dataset(batches, lambda: recorder.epoch),
                validation_data=dataset(validation, lambda: recorder.epoch),
                initial_epoch=first,
                epochs=first + planned_epochs(recipe, phase) - done,
                class_weight=weights,
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
        seconds[phase] = time.perf_counter() - began
    return Fit(history, recorder.best, seconds)


def _part(
    phase: Phase,
    model: keras.Model,
    pictures: Pictures,
    features: FeatureCache | None,
    compute_dtype: str | None,
) -> tuple[keras.Model, PhaseInputs]:
    """What of the model is fitted in a phase, and on what."""
    if features and phase == "head":
        return head_model(model), features.head
    if features and features.fine_tune and features.split_layer is not None:
        tail = tail_model(model, features.split_layer, compute_dtype=compute_dtype)
        return tail, features.fine_tune
    pixels, rows = pictures.pixels, pictures.rows
    return model, PhaseInputs([pixels], rows["train"], pixels, rows["validation"])


def _optimizer(phase: Phase, recipe: Recipe, *, steps: int) -> Any:
    if phase == "head":
        return Adam(recipe.head_lr)
    rate: Any = recipe.fine_tune_lr
    if recipe.fine_tune_schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(rate, steps * planned_epochs(recipe, phase))
    if recipe.fine_tune_optimizer == "adam":
        return Adam(rate)
    return keras.optimizers.RMSprop(rate)
