"""From a folder of photos to a finished run folder."""

import contextlib
import hashlib
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import cv2
import keras
import numpy as np
import PIL
import tensorflow as tf

import edgetl
from edgetl.edge.errors import DataError, RunFolderError, quoted, reason
from edgetl.edge.system.files import replacing, write_json
from edgetl.trainer import metrics
from edgetl.trainer.data import dataset as datasets
from edgetl.trainer.data.checks import (
    DataSummary,
    class_weights,
    exclude_duplicates,
    summarize,
    summary_lines,
)
from edgetl.trainer.data.dataset import SPLITS, Dataset, Excluded, Split
from edgetl.trainer.data.picture_cache import DecodedPictures, decode_pictures
from edgetl.trainer.fitting.checkpoint import Checkpoint, read_checkpoint, restore
from edgetl.trainer.fitting.phases import Pictures, fit_phases, reused_activations
from edgetl.trainer.network.devices import Devices, computing_in, devices_for
from edgetl.trainer.network.memory import keep_freed_memory
from edgetl.trainer.network.model import (
    ParameterCounts,
    build_model,
    class_probabilities,
    folded_model,
    freeze_backbone,
    parameter_counts,
)
from edgetl.trainer.progress import say
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report import run_figures
from edgetl.trainer.report.report import SHOWN_MISTAKES, Mistake, write_report
from edgetl.trainer.run.folder import (
    RunFolder,
    point_latest_at,
    read_started,
    write_labels,
    write_split,
)


def train(*, dataset: Dataset, run: RunFolder, recipe: Recipe, tensorboard: bool = False) -> None:
    """Train a classifier on a folder of photos and leave a finished run folder.

    Args:
        dataset: the folder of photos, as `edgetl.trainer.data.dataset.scan` found it.
        run: a new run folder.
        recipe: the settings.
        tensorboard: write event files too.

    Raises:
        DataError: too few of the photos can be read, or a photo lies in two classes.
        SettingError: the starting weights cannot be loaded, or a batch is too large for the GPU.
        RunFolderError: the run folder cannot be written, or the disk is full.
        EdgetlError: the loss became infinite or not a number.
    """
    started = {
        "edgetl": edgetl.__version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "recipe": asdict(recipe),
        "data": {"path": str(dataset.root.resolve())},
    }
    with _written_to(run):
        write_json(run.config, started)
        _train(dataset, run, recipe, started, None, tensorboard=tensorboard)


def resume(run: RunFolder, *, tensorboard: bool = False) -> None:
    """Go on with a training that was interrupted, after the last epoch it finished.

    The run ends as it would have without the interruption, on the same machine.

    Raises:
        RunFolderError: the folder holds no training that was begun, or a finished one.
        DataError: the photos are gone or have changed.
        The errors of `train`.
    """
    config = read_started(run)
    recipe = Recipe(**config["recipe"])
    dataset = datasets.scan(config["data"]["path"])
    with _written_to(run):
        for left_by_a_kill in run.path.rglob(".part-*"):
            left_by_a_kill.unlink()
        checkpoint = read_checkpoint(run)
        done = len(checkpoint.history) if checkpoint else 0
        say(f"resuming {quoted(run.path)} after epoch {done}")
        _train(dataset, run, recipe, config, checkpoint, tensorboard=tensorboard)


@contextlib.contextmanager
def _written_to(run: RunFolder) -> Iterator[None]:
    command = f"edgetl train --resume --out {quoted(run.path)}"
    try:
        yield
    except KeyboardInterrupt:
        say(f"stopped; go on with: {command}")
        raise
    except OSError as error:
        raise RunFolderError(
            f"{quoted(error.filename or run.path)}: {reason(error)}; what is finished stays, "
            f"go on with: {command}"
        ) from error


def _train(
    found: Dataset,
    run: RunFolder,
    recipe: Recipe,
    config: Mapping[str, Any],
    checkpoint: Checkpoint | None,
    *,
    tensorboard: bool,
) -> None:
    keep_freed_memory()
    clock = _Clock()
    keras.utils.set_random_seed(recipe.seed)
    devices = devices_for(recipe)
    with computing_in(devices.policy), devices.scope():
        model = build_model(recipe, len(found.labels))
    counts = parameter_counts(model, fine_tune_from=recipe.fine_tune_from)
    clock.lap("start")

    decoded = decode_pictures(
        [found.path(example) for example in found.examples], recipe.input_size, cache=run.cache
    )
    clock.lap("decode")
    places = {example.file: i for i, example in enumerate(found.examples)}
    dataset, summary = _checked(found, decoded, recipe)
    for line in summary_lines(summary):
        say(line)
    _say_parameters(counts, recipe)
    if devices.trained_in and recipe.reuse:
        say(
            f"phase two multiplies in {devices.trained_in}, at which this processor is faster; "
            f"--precision float32 does not"
        )
    rows = {
        split: np.array([places[dataset.examples[i].file] for i in dataset.of(split)], np.int64)
        for split in SPLITS
    }
    truth = np.array([found.labels.index(example.label) for example in found.examples])
    pictures = Pictures(decoded.pixels, rows, {split: truth[rows[split]] for split in SPLITS})

    digests = {example.file: decoded.digests[places[example.file]] for example in dataset.examples}
    config = _config(dataset, digests, devices, config)
    write_labels(run, dataset.labels)
    write_split(run, dataset)
    write_json(run.config, config)
    run_figures.write_samples(run, dataset, rows["train"].tolist(), decoded.pixels, recipe)
    run_figures.write_model(run, model, counts, recipe)
    clock.lap("figures")

    # One device and full precision: what the frozen part is computed with, and what is kept.
    final = model if devices.plain else build_model(recipe, len(found.labels))
    reused = reused_activations(final, pictures, run, recipe) if recipe.reuse else None
    clock.lap("activations")
    train_counts = datasets.counts(dataset, "train")
    with computing_in(devices.policy):
        fit = fit_phases(
            model,
            pictures,
            run,
            recipe,
            reused=reused,
            class_weights=class_weights(train_counts)
            if recipe.class_weights == "auto"
            else [1.0] * len(dataset.labels),
            checkpoint=checkpoint,
            devices=devices,
            callbacks=_callbacks(run, tensorboard),
        )
    clock.add(fit.seconds)
    restore(final.weights, fit.best)
    probabilities = _probabilities(final, pictures)
    figures_per_split = {
        split: metrics.summary(
            probabilities[split], pictures.truth[split][pictures.measured(split)], dataset.labels
        )
        for split in SPLITS
    }
    clock.lap("evaluate")
    run_figures.write_curves(run, fit.history)
    run_figures.write_confusion(run, dataset, figures_per_split)
    clock.lap("figures")
    written = {**_metrics(fit.history, counts, figures_per_split), "seconds": clock.seconds}
    write_report(
        run,
        dataset=dataset,
        config=config,
        history=fit.history,
        metrics=written,
        mistakes=_worst_mistakes(dataset, pictures, probabilities[dataset.held_out]),
        warnings=summary.warnings,
    )
    clock.lap("figures")
    write_json(run.metrics, {**written, "seconds": clock.seconds})
    # The model comes last: a folder that holds it is a finished run.
    freeze_backbone(final)
    with replacing(run.model) as temporary:
        final.save(temporary)
    point_latest_at(run)
    shutil.rmtree(run.activations, ignore_errors=True)
    run.checkpoint.unlink(missing_ok=True)
    _say_result(written)


class _Clock:
    """Seconds by stage; what passed since the last lap belongs to the stage that is named."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.add({stage: now - self._last})

    def add(self, seconds: Mapping[Any, float]) -> None:
        for stage, more in seconds.items():
            self.seconds[stage] = round(self.seconds.get(stage, 0.0) + more, 2)
        self._last = time.perf_counter()
        self.seconds["total"] = round(self._last - self._began, 2)


def _checked(
    found: Dataset, decoded: DecodedPictures, recipe: Recipe
) -> tuple[Dataset, DataSummary]:
    """The dataset without unreadable files and copies, every picture in its split."""
    files = [example.file for example in found.examples]
    unreadable = [Excluded(files[i], why) for i, why in decoded.errors.items()]
    readable = datasets.without(found, unreadable)
    single = exclude_duplicates(readable, dict(zip(files, decoded.digests, strict=True)))
    dataset = datasets.assign_splits(single, seed=recipe.seed)
    summary = summarize(
        dataset,
        sizes={file: size for file, size in zip(files, decoded.sizes, strict=True) if size},
        height=recipe.height,
        width=recipe.width,
        class_weights=recipe.class_weights,
    )
    return dataset, summary


def _callbacks(run: RunFolder, tensorboard: bool) -> list[keras.callbacks.Callback]:
    if not tensorboard:
        return []
    return [keras.callbacks.TensorBoard(run.tensorboard, write_graph=False)]


def _probabilities(model: keras.Model, pictures: Pictures) -> dict[Split, metrics.Probabilities]:
    """The probabilities of each split's measured pictures, float32 [pictures, classes]."""
    rows = [pictures.rows[split][pictures.measured(split)] for split in SPLITS]
    together = class_probabilities(folded_model(model), pictures.pixels, np.concatenate(rows))
    ends = np.cumsum([len(some) for some in rows])
    return dict(zip(SPLITS, np.split(together, ends[:-1]), strict=True))


def _worst_mistakes(
    dataset: Dataset, pictures: Pictures, probabilities: metrics.Probabilities
) -> list[Mistake]:
    """The held-out pictures that were taken for another class with the most confidence."""
    split = dataset.held_out
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != pictures.truth[split])
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:SHOWN_MISTAKES]
    examples = [dataset.examples[i] for i in dataset.of(split)]
    return [
        Mistake(
            file=examples[i].file,
            true=examples[i].label,
            predicted=dataset.labels[predicted[i]],
            probability=float(sure[i]),
            pixels=pictures.pixels[pictures.rows[split][i]],
        )
        for i in worst
    ]


def _config(
    dataset: Dataset,
    digests: Mapping[str, str],
    devices: Devices,
    started: Mapping[str, Any],
) -> dict[str, Any]:
    """config.json, with what is known once the pictures have been read.

    Raises:
        DataError: the training is resumed and the pictures are not those it began with.
    """
    fingerprint = hashlib.sha256()
    for example in sorted(
        dataset.examples, key=lambda e: (e.label, e.split or "", digests[e.file])
    ):
        line = f"{example.label}\0{example.split}\0{digests[example.file]}\n"
        fingerprint.update(line.encode("utf-8", "surrogatepass"))
    packages = {"tensorflow": tf, "keras": keras, "numpy": np, "opencv": cv2, "pillow": PIL}
    before = started["data"].get("fingerprint", fingerprint.hexdigest())
    if before != fingerprint.hexdigest():
        raise DataError(
            f"{quoted(dataset.root)}: the photos are not those that this training began with; "
            f"put them back, or train anew without --resume"
        )
    return {
        **started,
        "data": {
            **started["data"],
            "fingerprint": fingerprint.hexdigest(),
            "pictures": {split: datasets.counts(dataset, split) for split in SPLITS},
        },
        "versions": {
            "python": platform.python_version(),
            **{name: package.__version__ for name, package in packages.items()},
        },
        "platform": platform.platform(),
        "computed_in": {"policy": devices.policy, "phase_two": devices.trained_in},
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
