"""Around each epoch: its seed, its record, its checkpoint and its line in the log."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import keras
import numpy as np

from edgetl.edge.errors import EdgetlError
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.data.batches import steps_of
from edgetl.trainer.fitting.checkpoint import Array, Checkpoint, values_of, write_checkpoint
from edgetl.trainer.fitting.linear_head import LinearHead
from edgetl.trainer.fitting.rows import PhaseInputs, Rows
from edgetl.trainer.progress import epoch_display
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import EpochRecord, Phase, write_history

PHASE_NAMES: dict[Phase, str] = {"head": "head", "fine_tune": "fine-tune"}

# Steps of phase two (measured: docs/recipes.md): eight passes over the photos, more where there
# are fewer than 500, by the square root of their number; no more than make six of 2000.
_STEPS_A_ROOT = 11
_PASSES = 8
_ENOUGH_STEPS = 750
# However many steps an epoch has.
_LEAST_EPOCHS = 3

# The names in history.json of Keras' metrics. Its loss is the plain cross-entropy, so that runs
# with and without label smoothing compare.
_FIGURES = {
    "loss": "cross_entropy",
    "accuracy": "accuracy",
    "val_loss": "val_cross_entropy",
    "val_accuracy": "val_accuracy",
}


def planned_epochs(recipe: Recipe, phase: Phase) -> int:
    """How many epochs the phase has at most; a head that is solved counts as one."""
    head = 1 if recipe.head_solver == "lbfgs" else recipe.head_epochs
    return head if phase == "head" else recipe.epochs - head


def epoch_steps(recipe: Recipe, trained: int) -> int:
    """The steps of an epoch of phase two on so many training pictures."""
    return max(recipe.least_steps, steps_of(trained, recipe.batch_size))


def with_epochs(recipe: Recipe, trained: int, share: float = 1.0) -> Recipe:
    """The recipe with its number of epochs, for so many training pictures.

    `share` is how much of phase two's steps is left where it starts from an earlier fine-tuning.
    """
    if recipe.epochs:
        return recipe
    passes = _PASSES * trained / recipe.batch_size
    enough = min(round(max(_STEPS_A_ROOT * trained**0.5, passes)), _ENOUGH_STEPS)
    steps = recipe.steps or round(share * enough)
    fine_tuning = max(_LEAST_EPOCHS, steps_of(steps, epoch_steps(recipe, trained)))
    return replace(recipe, epochs=planned_epochs(recipe, "head") + fine_tuning)


def fine_tuned_photos(recipe: Recipe) -> int:
    """Of very many training photos, as many as the steps of phase two pass in so few epochs."""
    steps = steps_of(recipe.steps, _LEAST_EPOCHS) or _ENOUGH_STEPS
    return steps * recipe.batch_size


def is_over(history: Sequence[EpochRecord], recipe: Recipe, phase: Phase) -> bool:
    """Whether the phase has had all its epochs, or `patience` of them without a better one."""
    losses = [epoch.val_loss for epoch in history if epoch.phase == phase]
    if len(losses) >= planned_epochs(recipe, phase):
        return True
    return bool(recipe.patience and losses) and (
        len(losses) - 1 - int(np.argmin(losses)) >= recipe.patience
    )


class EpochHistory(keras.callbacks.Callback):
    """Seeds each epoch and records it.

    Args:
        validated: the loss and accuracy of each epoch on photos that other models held out, where
            the model itself learns from all photos; None where it has validation pictures.

    Attributes:
        history: the epochs so far.
        epoch: that is under way, or the next one, from 1 as in history.json.
        phase: of that epoch.
    """

    def __init__(
        self,
        recipe: Recipe,
        history: Sequence[EpochRecord] = (),
        validated: Sequence[tuple[float, float]] | None = None,
    ) -> None:
        super().__init__()
        self.history = list(history)
        self.epoch = len(self.history) + 1
        self.phase: Phase = "head"
        self._recipe, self._validated = recipe, validated

    def close(self) -> None:
        """What must be done however an epoch ended."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        # The state of the random layers follows from the epoch, so that a resumed training draws
        # what an uninterrupted one would have drawn.
        for variable in self.model.variables:
            if variable.path.endswith("seed_generator_state"):
                variable.assign([self._recipe.seed, (epoch + 1) * 1_000_000 % 2**32])
        self.epoch = epoch + 1
        self._began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = dict(logs or {})
        if self._validated is not None:
            logs["val_cross_entropy"], logs["val_accuracy"] = self._validated[epoch]
        record = EpochRecord(
            phase=self.phase,
            epoch=epoch + 1,
            **{name: float(logs[keras_name]) for name, keras_name in _FIGURES.items()},
            seconds=round(time.perf_counter() - self._began, 3),
            learning_rate=float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)),
        )
        if not np.isfinite([record.loss, record.val_loss]).all():
            raise EdgetlError(
                f"epoch {epoch + 1}: the loss is no longer a finite number; "
                f"the learning rate is too high, lower --{PHASE_NAMES[self.phase]}-lr "
                f"(now {record.learning_rate:g})"
            )
        self.history.append(record)
        if is_over(self.history, self._recipe, self.phase):
            self.model.stop_training = True

    def add_solved(self, head: LinearHead, features: PhaseInputs, seconds: float) -> None:
        """Record a head that was solved, as an epoch of phase one."""
        loss, accuracy = _measured(head, features.copies[0])
        if self._validated is not None:
            val_loss, val_accuracy = self._validated[0]
        else:
            val_loss, val_accuracy = _measured(head, features.validation)
        self.history.append(
            EpochRecord(
                phase="head",
                epoch=1,
                loss=loss,
                accuracy=accuracy,
                val_loss=val_loss,
                val_accuracy=val_accuracy,
                seconds=round(seconds, 3),
                learning_rate=0.0,
            )
        )
        self.epoch = 2


def _measured(head: LinearHead, some: Rows) -> tuple[float, float]:
    probabilities = head.probabilities(some.read())
    loss = metrics.log_loss(probabilities, some.targets)
    return loss, metrics.accuracy(probabilities, some.targets)


class EpochRecorder(EpochHistory):
    """Writes history.json and a checkpoint after each epoch too, and shows its progress.

    Args:
        whole: the whole model, which `fit` may be training a part of.
        checkpoint: where an interrupted training stopped.

    Attributes:
        best: the whole model's weights after the epoch with the lowest validation loss.
    """

    def __init__(
        self,
        run: RunFolder,
        recipe: Recipe,
        whole: keras.Model,
        checkpoint: Checkpoint | None,
        validated: Sequence[tuple[float, float]] | None = None,
    ) -> None:
        super().__init__(recipe, checkpoint.history if checkpoint else (), validated)
        self.best = checkpoint.best if checkpoint else []
        self._run, self._whole = run, whole
        self._display = ExitStack()

    def close(self) -> None:
        """Take the display off the terminal."""
        self._display.close()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        super().on_epoch_begin(epoch, logs)
        left = planned_epochs(self._recipe, self.phase) - sum(
            past.phase == self.phase for past in self.history
        )
        last = self.history[-1] if self.history else None
        self._show = self._display.enter_context(
            epoch_display(
                f"{PHASE_NAMES[self.phase]} {epoch + 1}/{self._recipe.epochs}",
                steps=self.params["steps"],
                epochs_left=left,
                before=f"val_accuracy {last.val_accuracy:.4f}" if last else "",
            )
        )

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._show(logs or {})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._display.close()
        super().on_epoch_end(epoch, logs)
        self._keep(values_of(self.model.optimizer.variables))

    def add_solved(self, head: LinearHead, features: PhaseInputs, seconds: float) -> None:
        """Record a head that was solved, as an epoch of phase one."""
        super().add_solved(head, features, seconds)
        # A resumed training solves the head again: the optimizer has not begun.
        self._keep([np.zeros(0)])

    def _keep(self, optimizer: list[Array]) -> None:
        record, before = self.history[-1], self.history[:-1]
        weights = values_of(self._whole.weights)
        if record.val_loss < min((past.val_loss for past in before), default=np.inf):
            self.best = weights
        # The checkpoint is what counts: were history.json the first and the process killed between
        # the two, a resumed training would write the same epochs again.
        write_checkpoint(self._run, Checkpoint(self.history, weights, self.best, optimizer))
        write_history(self._run.history, self.history)
        logger.info(epoch_line(record, self._recipe.epochs))


def epoch_line(record: EpochRecord, epochs: int) -> str:
    """An epoch's line in the log: it fits 80 columns up to 999 epochs and 999 seconds."""
    number = f"{record.epoch:{len(str(epochs))}}/{epochs}"
    seconds = f"{record.seconds:.1f}" if record.seconds < 10 else f"{record.seconds:.0f}"
    return (
        f"{PHASE_NAMES[record.phase]:9} {number}  "
        f"loss {_short(record.loss)} acc. {record.accuracy:.3f}  "
        f"val_loss {_short(record.val_loss)} val_acc. {record.val_accuracy:.3f}  {seconds} s"
    )


def _short(loss: float) -> str:
    """Four decimals, fewer above 10."""
    return f"{loss:.4f}" if loss < 10 else f"{loss:.4g}"
