"""Around each epoch: its seed, its record, its checkpoint and its line in the log."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import keras
import numpy as np

from edgetl.edge.errors import EdgetlError
from edgetl.edge.system.messages import logger
from edgetl.trainer.fitting.checkpoint import Checkpoint, values_of, write_checkpoint
from edgetl.trainer.progress import epoch_display
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import EpochRecord, Phase, write_history

PHASE_NAMES: dict[Phase, str] = {"head": "head", "fine_tune": "fine-tune"}

# The names in history.json of Keras' metrics. Its loss is the plain cross-entropy, so that runs
# with and without label smoothing compare.
_FIGURES = {
    "loss": "cross_entropy",
    "accuracy": "accuracy",
    "val_loss": "val_cross_entropy",
    "val_accuracy": "val_accuracy",
}


def planned_epochs(recipe: Recipe, phase: Phase) -> int:
    """How many epochs the phase has at most."""
    return recipe.head_epochs if phase == "head" else recipe.epochs - recipe.head_epochs


def is_over(history: Sequence[EpochRecord], recipe: Recipe, phase: Phase) -> bool:
    """Whether the phase has had all its epochs, or `patience` of them without a better one."""
    losses = [epoch.val_loss for epoch in history if epoch.phase == phase]
    if len(losses) >= planned_epochs(recipe, phase):
        return True
    return bool(recipe.patience and losses) and (
        len(losses) - 1 - int(np.argmin(losses)) >= recipe.patience
    )


class EpochRecorder(keras.callbacks.Callback):
    """Seeds each epoch; after it writes history.json and a checkpoint.

    Args:
        whole: the whole model, which `fit` may be training a part of.
        checkpoint: where an interrupted training stopped.

    Attributes:
        history: the epochs of history.json so far.
        best: the whole model's weights after the epoch with the lowest validation loss.
        epoch: that is under way, or the next one, from 1 as in history.json.
    """

    def __init__(
        self, run: RunFolder, recipe: Recipe, whole: keras.Model, checkpoint: Checkpoint | None
    ) -> None:
        super().__init__()
        self.history = checkpoint.history if checkpoint else []
        self.best = checkpoint.best if checkpoint else []
        self.epoch = len(self.history) + 1
        self.phase: Phase = "head"
        self._run, self._recipe, self._whole = run, recipe, whole
        self._display = ExitStack()

    def close(self) -> None:
        """Take the display off the terminal, however the epoch ended."""
        self._display.close()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        # The state of the random layers follows from the epoch, so that a resumed training draws
        # what an uninterrupted one would have drawn.
        for variable in self.model.variables:
            if variable.path.endswith("seed_generator_state"):
                variable.assign([self._recipe.seed, (epoch + 1) * 1_000_000 % 2**32])
        self.epoch = epoch + 1
        self._began = time.perf_counter()
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
        logs = logs or {}
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
        weights = values_of(self._whole.weights)
        if record.val_loss < min((past.val_loss for past in self.history), default=np.inf):
            self.best = weights
        self.history.append(record)
        # The checkpoint is what counts: were history.json the first and the process killed between
        # the two, a resumed training would write the same epochs again.
        optimizer = values_of(self.model.optimizer.variables)
        write_checkpoint(self._run, Checkpoint(self.history, weights, self.best, optimizer))
        write_history(self._run.history, self.history)
        logger.info(epoch_line(record, self._recipe.epochs))
        if is_over(self.history, self._recipe, self.phase):
            self.model.stop_training = True


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
