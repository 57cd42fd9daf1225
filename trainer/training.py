"""Two-phase training: a new head on the frozen backbone, then the backbone's later layers too."""

import hashlib
import platform
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Literal

import cv2
import keras
import numpy as np
import numpy.typing as npt
import PIL
import tensorflow as tf

import edge
from edge.errors import EdgetlError, RunFolderError, quoted, reason
from edge.files import replacing, write_json
from edge.preprocessing import Pixels
from trainer import dataset as datasets
from trainer import metrics, run_figures
from trainer.dataset import SPLITS, Dataset, SetAside, Split
from trainer.model import (
    ParameterCounts,
    build_model,
    class_probabilities,
    compile_for,
    freeze_backbone,
    parameter_counts,
    unfreeze_backbone,
)
from trainer.picture_cache import decode_pictures
from trainer.progress import progress, say
from trainer.recipe import Recipe
from trainer.run_folder import RunFolder, point_latest_at, write_labels, write_split

Phase = Literal["head", "fine_tune"]
_PHASE_NAMES: dict[Phase, str] = {"head": "head", "fine_tune": "fine-tune"}


class PictureBatches(keras.utils.PyDataset):
    """Batches of decoded pictures: (uint8 [batch, height, width, 3], float32 [batch]).

    With `shuffle_seed`, in a new order each epoch that depends on the seed and the epoch alone.
    """

    def __init__(
        self,
        pixels: Pixels,
        rows: npt.NDArray[np.int64],
        truth: metrics.Classes,
        *,
        batch_size: int,
        shuffle_seed: int | None = None,
        first_epoch: int = 0,
    ) -> None:
        super().__init__()
        self._pixels, self._rows, self._truth = pixels, rows, truth
        self._batch_size, self._seed = batch_size, shuffle_seed
        self._epoch = first_epoch
        self._order = self._new_order()

    def __len__(self) -> int:
        return -(-len(self._rows) // self._batch_size)

    def __getitem__(self, index: int) -> tuple[Pixels, npt.NDArray[np.float32]]:
        chosen = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        return self._pixels[self._rows[chosen]], self._truth[chosen].astype(np.float32)

    def on_epoch_end(self) -> None:
        self._epoch += 1
        self._order = self._new_order()

    def _new_order(self) -> npt.NDArray[np.int64]:
        if self._seed is None:
            return np.arange(len(self._rows))
        return np.random.default_rng([self._seed, self._epoch]).permutation(len(self._rows))


class EpochRecorder(keras.callbacks.Callback):
    """Writes history.json and the best weights after each epoch, and says how it went."""

    def __init__(self, run: RunFolder, *, epochs: int, batches: int) -> None:
        super().__init__()
        self.history: list[dict[str, Any]] = []
        self.phase: Phase = "head"
        self._run, self._epochs, self._batches = run, epochs, batches
        self._best = float("inf")
        self._bar = ExitStack()

    def close(self) -> None:
        """Take the progress bar off the terminal, however the epoch ended."""
        self._bar.close()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self._began = time.perf_counter()
        title = f"{_PHASE_NAMES[self.phase]} epoch {epoch + 1}/{self._epochs}"
        self._advance = self._bar.enter_context(progress(title, self._batches))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._advance()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._bar.close()
        row = {
            "phase": self.phase,
            "epoch": epoch + 1,
            **{
                name: float(logs[name]) for name in ("loss", "accuracy", "val_loss", "val_accuracy")
            },
            "seconds": round(time.perf_counter() - self._began, 3),
            "learning_rate": float(self.model.optimizer.learning_rate),
        }
        self.history.append(row)
        if not np.isfinite([row["loss"], row["val_loss"]]).all():
            raise EdgetlError(
                f"epoch {epoch + 1}: the loss is no finite number any more; "
                f"the learning rate is too high, lower --{_PHASE_NAMES[self.phase]}-lr "
                f"(now {row['learning_rate']:g})"
            )
        if row["val_loss"] < self._best:
            self._best = row["val_loss"]
            with replacing(self._run.best_weights) as temporary:
                self.model.save_weights(temporary)
        write_json(self._run.history, self.history)
        say(
            f"{_PHASE_NAMES[self.phase]:9} {epoch + 1:3}/{self._epochs}  "
            f"loss {row['loss']:.4f}  accuracy {row['accuracy']:.4f}  "
            f"val_loss {row['val_loss']:.4f}  val_accuracy {row['val_accuracy']:.4f}  "
            f"{row['seconds']:.0f} s"
        )


def train(*, dataset: Dataset, run: RunFolder, recipe: Recipe) -> None:
    """Train a classifier on a folder of photos and leave a finished run folder.

    Args:
        dataset: the folder of photos, as `trainer.dataset.scan` found it.
        run: a new run folder.
        recipe: the settings.

    Raises:
        DataError: too few of the photos can be read.
        SettingError: the starting weights cannot be loaded.
        RunFolderError: the run folder cannot be written, or the disk is full.
        EdgetlError: the loss became infinite or not a number.
    """
    try:
        _train(dataset, run, recipe)
    except OSError as error:
        raise RunFolderError(
            f"{quoted(error.filename or run.path)}: {reason(error)}; the run is left as it was"
        ) from error


def _train(found: Dataset, run: RunFolder, recipe: Recipe) -> None:
    keras.utils.set_random_seed(recipe.seed)
    model = build_model(recipe, len(found.labels))
    counts = parameter_counts(model, fine_tune_from=recipe.fine_tune_from)

    decoded = decode_pictures(
        [found.path(example) for example in found.examples], recipe.geometry, cache=run.cache
    )
    unreadable = [SetAside(found.examples[i].file, why) for i, why in decoded.errors.items()]
    places = {example.file: i for i, example in enumerate(found.examples)}
    dataset = datasets.assign_splits(datasets.without(found, unreadable), seed=recipe.seed)
    rows = {s: [places[dataset.examples[i].file] for i in dataset.of(s)] for s in SPLITS}
    truth = np.array([found.labels.index(example.label) for example in found.examples])
    _say_dataset(dataset)
    _say_parameters(counts, recipe)

    write_labels(run, dataset.labels)
    write_split(run, dataset)
    digests = {example.file: decoded.digests[places[example.file]] for example in dataset.examples}
    write_json(run.config, _config(dataset, digests, recipe))
    run_figures.write_samples(run, dataset, rows["train"], decoded.pixels, recipe)
    run_figures.write_model(run, model, counts, recipe)

    recorder = _fit(model, run, recipe, decoded.pixels, rows, truth)
    model.load_weights(run.best_weights)
    model.compile()
    figures_per_split = {}
    for split in SPLITS:
        index = np.array(rows[split], np.int64)
        # Row by row from the memory map: a split may be larger than memory.
        probabilities = (
            np.concatenate([class_probabilities(model, decoded.pixels[p]) for p in _chunks(index)])
            if len(index)
            else np.empty((0, len(dataset.labels)), np.float32)
        )
        figures_per_split[split] = metrics.summary(probabilities, truth[index], dataset.labels)
    written = _metrics(recorder.history, counts, figures_per_split)
    run_figures.write_curves(run, recorder.history)
    run_figures.write_confusion(run, dataset, figures_per_split)
    write_json(run.metrics, written)
    # The model comes last: a folder that holds it is a finished run.
    freeze_backbone(model)
    with replacing(run.model) as temporary:
        model.save(temporary)
    point_latest_at(run)
    _say_result(written)


def _fit(
    model: keras.Model,
    run: RunFolder,
    recipe: Recipe,
    pixels: Pixels,
    rows: dict[Split, list[int]],
    truth: metrics.Classes,
) -> EpochRecorder:
    def batches(split: Split, first_epoch: int) -> PictureBatches:
        index = np.array(rows[split], np.int64)
        return PictureBatches(
            pixels,
            index,
            truth[index],
            batch_size=recipe.batch_size,
            shuffle_seed=recipe.seed if split == "train" else None,
            first_epoch=first_epoch,
        )

    validation = batches("validation", 0)
    recorder = EpochRecorder(run, epochs=recipe.epochs, batches=len(batches("train", 0)))
    phases: list[tuple[Phase, int, int, Any]] = [
        ("head", 0, recipe.head_epochs, keras.optimizers.Adam(recipe.head_learning_rate)),
        (
            "fine_tune",
            recipe.head_epochs,
            recipe.epochs,
            keras.optimizers.RMSprop(recipe.fine_tune_learning_rate),
        ),
    ]
    for phase, first, last, optimizer in phases:
        if first == last:
            continue
        if phase == "head":
            freeze_backbone(model)
        else:
            unfreeze_backbone(model, first_layer=recipe.fine_tune_from)
        compile_for(model, optimizer)
        recorder.phase = phase
        try:
            model.fit(
                batches("train", first),
                validation_data=validation,
                initial_epoch=first,
                epochs=last,
                callbacks=[recorder],
                verbose=0,
                shuffle=False,
            )
        finally:
            recorder.close()
    return recorder


def _chunks(index: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    for start in range(0, len(index), 512):
        yield index[start : start + 512]


def _config(dataset: Dataset, digests: dict[str, str], recipe: Recipe) -> dict[str, Any]:
    fingerprint = hashlib.sha256()
    for example in sorted(
        dataset.examples, key=lambda e: (e.label, e.split or "", digests[e.file])
    ):
        line = f"{example.label}\0{example.split}\0{digests[example.file]}\n"
        fingerprint.update(line.encode("utf-8", "surrogatepass"))
    packages = {"tensorflow": tf, "keras": keras, "numpy": np, "opencv": cv2, "pillow": PIL}
    return {
        "edgetl": edge.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "recipe": asdict(recipe),
        "data": {
            "path": str(dataset.root.resolve()),
            "fingerprint": fingerprint.hexdigest(),
            "pictures": {split: datasets.counts(dataset, split) for split in SPLITS},
        },
        "versions": {
            "python": platform.python_version(),
            **{name: package.__version__ for name, package in packages.items()},
        },
        "platform": platform.platform(),
    }


def _metrics(
    history: list[dict[str, Any]],
    counts: ParameterCounts,
    splits: dict[Split, dict[str, Any] | None],
) -> dict[str, Any]:
    best = min(history, key=lambda row: row["val_loss"])
    head = [row for row in history if row["phase"] == "head"]
    return {
        "best_epoch": best["epoch"],
        "best_phase": best["phase"],
        "after_head": {name: head[-1][name] for name in ("val_loss", "val_accuracy")}
        if head
        else None,
        "training_seconds": round(sum(row["seconds"] for row in history), 1),
        "parameters": asdict(counts),
        "splits": splits,
    }


def _say_dataset(dataset: Dataset) -> None:
    for split in SPLITS:
        counted = datasets.counts(dataset, split)
        shown = ", ".join(f"{label} {n}" for label, n in list(counted.items())[:10])
        more = f", and {len(counted) - 10} more classes" if len(counted) > 10 else ""
        say(f"{split:10} {sum(counted.values()):6} pictures  ({shown}{more})")
    for item in dataset.set_aside[:10]:
        say(f"set aside  {quoted(item.file)}: {item.reason}")
    if len(dataset.set_aside) > 10:
        say(f"set aside  {len(dataset.set_aside) - 10} more; split.json lists all")


def _say_parameters(counts: ParameterCounts, recipe: Recipe) -> None:
    say(
        f"parameters {counts.model:,} in all, {counts.backbone:,} in the backbone; "
        f"phase one trains {counts.trainable_head:,}; phase two, from layer "
        f"{recipe.fine_tune_from}, {counts.trainable_fine_tune:,} "
        f"with {counts.frozen_fine_tune:,} frozen"
    )


def _say_result(written: dict[str, Any]) -> None:
    say(f"best epoch {written['best_epoch']} by validation loss:")
    for split in SPLITS:
        figures_of = written["splits"][split]
        if figures_of:
            say(
                f"  {split:10} accuracy {figures_of['accuracy']:.4f}  "
                f"loss {figures_of['loss']:.4f}  ({figures_of['pictures']} pictures)"
            )
