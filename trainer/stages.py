"""From a folder of photos to a finished run folder."""

import contextlib
import hashlib
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import PIL
import tensorflow as tf

import edgetl
from edgetl.edge.errors import DataError, RunFolderError, quoted, reason
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger
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
from edgetl.trainer.evaluation import run_metrics, split_probabilities, worst_mistakes
from edgetl.trainer.fitting.checkpoint import Checkpoint, read_checkpoint, restore
from edgetl.trainer.fitting.phases import Fit, Pictures, cached_features, fit_phases
from edgetl.trainer.metrics import SplitMetrics
from edgetl.trainer.network.devices import Devices, computing_in, devices_for
from edgetl.trainer.network.memory import keep_freed_memory
from edgetl.trainer.network.model import (
    ParameterCounts,
    build_model,
    freeze_backbone,
    parameter_counts,
)
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report import run_figures
from edgetl.trainer.report.report import write_report
from edgetl.trainer.run.folder import (
    RunFolder,
    point_latest_at,
    write_labels,
    write_split,
)
from edgetl.trainer.run.records import (
    VERSION,
    DataRecord,
    RunConfig,
    RunMetrics,
    write_record,
)


class _Clock:
    """Seconds by stage; `lap` gives the time since the last one to the stage it names."""

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


@dataclass(frozen=True)
class Prepared:
    """What is trained, on what.

    Attributes:
        dataset: without excluded files, every picture in its split.
        pictures: decoded, with the targets of each split.
        config: what config.json holds.
        counts: of the model's parameters.
        warnings: what is odd about the data.
        devices: where and in what phase one and two compute.
        model: what is trained.
        final: on one device in full precision, for features and the final figures; `model` itself
            where that is what it is.
    """

    dataset: Dataset
    pictures: Pictures
    config: RunConfig
    counts: ParameterCounts
    warnings: tuple[str, ...]
    devices: Devices
    model: keras.Model
    final: keras.Model


@dataclass(frozen=True)
class Evaluated:
    """The probabilities and metrics of a trained model on each split."""

    probabilities: Mapping[Split, metrics.Probabilities]
    figures: Mapping[Split, SplitMetrics | None]


def train_new(dataset: Dataset, run: RunFolder, recipe: Recipe, *, tensorboard: bool) -> None:
    """Train on a folder of photos and leave a finished run folder. For errors see `train`.

    Args:
        dataset: the folder of photos, as `trainer.data.dataset.scan` found it.
        run: a new run folder.
        recipe: the settings.
        tensorboard: write event files too.
    """
    started = RunConfig(
        edgetl=edgetl.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=recipe,
        data=DataRecord(path=str(dataset.root.resolve())),
    )
    with _written_to(run):
        write_record(run.config, started)
        _train(dataset, run, started, None, tensorboard=tensorboard)


def resume(run: RunFolder, started: RunConfig, *, tensorboard: bool = False) -> None:
    """Continue a training that was interrupted, after the last epoch it finished.

    The run ends as it would have without the interruption, on the same machine.

    Args:
        run: its folder.
        started: its config.json.
        tensorboard: write event files too.

    Raises:
        DataError: the photos are gone or have changed.
        The errors of `train`.
    """
    dataset = datasets.scan(Path(started.data.path))
    with _written_to(run):
        for left_by_a_kill in run.path.rglob(".part-*"):
            left_by_a_kill.unlink()
        checkpoint = read_checkpoint(run)
        done = len(checkpoint.history) if checkpoint else 0
        logger.info("resuming %s after epoch %d", quoted(run.path), done)
        _train(dataset, run, started, checkpoint, tensorboard=tensorboard)


@contextlib.contextmanager
def _written_to(run: RunFolder) -> Iterator[None]:
    command = f"edgetl train --resume --out {quoted(run.path)}"
    try:
        yield
    except KeyboardInterrupt:
        logger.info("stopped; continue with: %s", command)
        raise
    except OSError as error:
        raise RunFolderError(
            f"{quoted(error.filename or run.path)}: {reason(error)}; what is finished stays, "
            f"continue with: {command}"
        ) from error


def _train(
    found: Dataset,
    run: RunFolder,
    started: RunConfig,
    checkpoint: Checkpoint | None,
    *,
    tensorboard: bool,
) -> None:
    keep_freed_memory()
    clock = _Clock()
    prepared = prepare(found, run, started, clock)
    fitted = fit(prepared, run, checkpoint, clock, tensorboard=tensorboard)
    evaluated = evaluate(prepared, fitted, clock)
    publish(prepared, fitted, evaluated, run, clock)


def prepare(found: Dataset, run: RunFolder, started: RunConfig, clock: _Clock) -> Prepared:
    """Build the model, decode and check the photos, and write what is known before training."""
    recipe = started.recipe
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
    indices = {example.file: i for i, example in enumerate(found.examples)}
    dataset, summary = _checked(found, decoded, recipe)
    for line in summary_lines(summary):
        logger.info(line)
    _log_parameters(counts, recipe)
    if devices.compute_dtype and recipe.reuse:
        logger.info(
            "phase two computes in %s, which is faster on this processor;\n"
            "--precision float32 turns it off",
            devices.compute_dtype,
        )
    rows = {
        split: np.array([indices[dataset.examples[i].file] for i in dataset.of(split)], np.int64)
        for split in SPLITS
    }
    targets = np.array([found.labels.index(example.label) for example in found.examples])
    pictures = Pictures(decoded.pixels, rows, {split: targets[rows[split]] for split in SPLITS})
    digests = {example.file: decoded.digests[indices[example.file]] for example in dataset.examples}
    config = _config(dataset, digests, devices, started)
    write_labels(run, dataset.labels)
    write_split(run, dataset)
    write_record(run.config, config)
    run_figures.write_samples(run, dataset, rows["train"].tolist(), decoded.pixels, recipe)
    run_figures.write_model(run, model, counts, recipe)
    clock.lap("figures")
    final = model if devices.plain else build_model(recipe, len(found.labels))
    return Prepared(
        dataset, pictures, config, counts, tuple(summary.warnings), devices, model, final
    )


def fit(
    prepared: Prepared,
    run: RunFolder,
    checkpoint: Checkpoint | None,
    clock: _Clock,
    *,
    tensorboard: bool,
) -> Fit:
    """Train both phases, from `checkpoint` on; `prepared.final` gets the best epoch's weights."""
    recipe, dataset = prepared.config.recipe, prepared.dataset
    features = (
        cached_features(prepared.final, prepared.pictures, run, recipe) if recipe.reuse else None
    )
    clock.lap("activations")
    weights = (
        class_weights(datasets.counts(dataset, "train"))
        if recipe.class_weights == "auto"
        else [1.0] * len(dataset.labels)
    )
    with computing_in(prepared.devices.policy):
        fitted = fit_phases(
            prepared.model,
            prepared.pictures,
            run,
            recipe,
            features=features,
            class_weights=weights,
            checkpoint=checkpoint,
            devices=prepared.devices,
            callbacks=_callbacks(run, tensorboard),
        )
    clock.add(fitted.seconds)
    restore(prepared.final.weights, fitted.best)
    return fitted


def evaluate(prepared: Prepared, fitted: Fit, clock: _Clock) -> Evaluated:
    """Measure the best epoch's model on each split."""
    pictures = prepared.pictures
    probabilities = split_probabilities(prepared.final, pictures)
    figures = {
        split: metrics.summary(
            probabilities[split],
            pictures.targets[split][pictures.measured(split)],
            prepared.dataset.labels,
        )
        for split in SPLITS
    }
    clock.lap("evaluate")
    return Evaluated(probabilities, figures)


def publish(
    prepared: Prepared, fitted: Fit, evaluated: Evaluated, run: RunFolder, clock: _Clock
) -> None:
    """Write figures, report, metrics and last the model, which makes the run a finished one."""
    dataset = prepared.dataset
    run_figures.write_curves(run, [asdict(epoch) for epoch in fitted.history])
    run_figures.write_confusion(
        run, dataset, {split: asdict(f) if f else None for split, f in evaluated.figures.items()}
    )
    clock.lap("figures")
    written = run_metrics(fitted.history, prepared.counts, evaluated.figures, clock.seconds)
    write_report(
        run,
        dataset=dataset,
        config=asdict(prepared.config),
        history=[asdict(epoch) for epoch in fitted.history],
        metrics=asdict(written),
        mistakes=worst_mistakes(
            dataset, prepared.pictures, evaluated.probabilities[dataset.held_out]
        ),
        warnings=prepared.warnings,
    )
    clock.lap("figures")
    write_record(run.metrics, replace(written, seconds=dict(clock.seconds)))
    freeze_backbone(prepared.final)
    with replacing(run.model) as temporary:
        prepared.final.save(temporary)
    point_latest_at(run)
    shutil.rmtree(run.activations, ignore_errors=True)
    run.checkpoint.unlink(missing_ok=True)
    _log_result(written)


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


def _config(
    dataset: Dataset, digests: Mapping[str, str], devices: Devices, started: RunConfig
) -> RunConfig:
    """config.json, with what is known once the pictures have been read.

    Raises:
        DataError: the training is resumed and the pictures are not those it began with.
    """
    digest = hashlib.sha256()
    for example in sorted(
        dataset.examples, key=lambda e: (e.label, e.split or "", digests[e.file])
    ):
        line = f"{example.label}\0{example.split}\0{digests[example.file]}\n"
        digest.update(line.encode("utf-8", "surrogatepass"))
    fingerprint = digest.hexdigest()
    if started.data.fingerprint not in (None, fingerprint):
        raise DataError(
            f"{quoted(dataset.root)}: the photos are not those that this training began with; "
            f"put them back, or train without --resume"
        )
    packages = {"tensorflow": tf, "keras": keras, "numpy": np, "opencv": cv2, "pillow": PIL}
    counts: dict[str, Mapping[str, int]] = {
        split: datasets.counts(dataset, split) for split in SPLITS
    }
    return replace(
        started,
        data=DataRecord(started.data.path, fingerprint, counts),
        versions={
            "python": platform.python_version(),
            **{name: package.__version__ for name, package in packages.items()},
        },
        platform=platform.platform(),
        computed_in={"policy": devices.policy, "phase_two": devices.compute_dtype},
        version=VERSION,
    )


def _log_parameters(counts: ParameterCounts, recipe: Recipe) -> None:
    logger.info(
        f"parameters {counts.model:,} in all, {counts.backbone:,} in the backbone;\n"
        f"phase one trains {counts.trainable_head:,}; phase two, from layer "
        f"{recipe.fine_tune_from}, {counts.trainable_fine_tune:,}\n"
        f"with {counts.frozen_fine_tune:,} frozen"
    )


def _log_result(written: RunMetrics) -> None:
    logger.info(f"best epoch {written.best_epoch} by validation loss:")
    for split, figures in written.splits.items():
        if figures:
            logger.info(
                f"  {split:10} accuracy {figures.accuracy:.4f}  "
                f"loss {figures.loss:.4f}  ({figures.pictures} pictures)"
            )
