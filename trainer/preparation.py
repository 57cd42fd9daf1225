"""What comes before training: the model, the decoded and checked photos, and their records."""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import keras
import numpy as np
import PIL
import tensorflow as tf

from edgetl.edge.errors import DataError, quoted
from edgetl.edge.system.messages import logger
from edgetl.trainer.clock import Clock
from edgetl.trainer.data import dataset as datasets
from edgetl.trainer.data.checks import (
    summary_lines,
)
from edgetl.trainer.data.dataset import SPLITS, Dataset
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.data.selection import rows_of, select_photos
from edgetl.trainer.fitting.epochs import with_epochs
from edgetl.trainer.fitting.folds import Folds, folds_of
from edgetl.trainer.fitting.held_out import folds_held_out
from edgetl.trainer.fitting.inputs import Pictures
from edgetl.trainer.network.devices import Devices, computing_in, devices_for
from edgetl.trainer.network.model import (
    ParameterCounts,
    build_model,
    fine_tuned_paths,
    parameter_counts,
)
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report import run_figures
from edgetl.trainer.retraining.earlier import EarlierRun, gone_folds, recognized
from edgetl.trainer.retraining.starting import (
    GoingOn,
    going_on_from,
    kept_folds,
    kept_splits,
)
from edgetl.trainer.run.folder import (
    RunFolder,
    write_labels,
)
from edgetl.trainer.run.records import (
    VERSION,
    RunConfig,
    write_record,
)
from edgetl.trainer.run.split_record import write_split


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
        folds: of the training photos.
        going_on: from which run, and where models start; None without one.
    """

    dataset: Dataset
    pictures: Pictures
    config: RunConfig
    counts: ParameterCounts
    warnings: tuple[str, ...]
    devices: Devices
    model: keras.Model
    final: keras.Model
    folds: Folds
    going_on: GoingOn | None


def prepare(
    found: Dataset,
    run: RunFolder,
    started: RunConfig,
    clock: Clock,
    earlier: EarlierRun | None,
) -> Prepared:
    """Build the model, decode and check the photos, and write what is known before training.

    `earlier` is the run that the training goes on from.
    """
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
    digest_of = {e.file: digest for e, digest in zip(found.examples, decoded.digests, strict=True)}
    known = recognized(found.examples, digest_of, earlier) if earlier else None
    kept = kept_splits(found, known, earlier) if earlier and known else {}
    dataset, summary = select_photos(found, decoded, recipe, kept)
    clock.lap("near-copies")
    for line in summary_lines(summary):
        logger.info(line)
    _log_parameters(counts, recipe)
    if devices.compute_dtype and recipe.reuse:
        logger.info(
            "phase two multiplies in %s, at which this processor is faster; --precision float32 "
            "does not",
            devices.compute_dtype,
        )
    rows = {
        split: rows_of(found, (dataset.examples[i] for i in dataset.of(split))) for split in SPLITS
    }
    targets = found.classes_of(found.examples)
    pictures = Pictures(decoded.pixels, rows, {split: targets[rows[split]] for split in SPLITS})
    digests = {example.file: digest_of[example.file] for example in dataset.examples}
    trained = [dataset.examples[i] for i in dataset.of("train")]
    folds = folds_of(
        trained,
        recipe.folds,
        seed=recipe.seed,
        kept=kept_folds(known, earlier, recipe) if earlier and known else {},
    )
    fold_of: dict[str, int] = {}
    if not len(rows["validation"]):
        fold_of = {e.file: int(fold) for e, fold in zip(trained, folds.held_out, strict=True)}
    going_on = None
    if earlier and known:
        paths = fine_tuned_paths(model, first_layer=recipe.fine_tune_from)
        held_out = folds_held_out(folds.held_out) if fold_of else []
        going_on = going_on_from(dataset, fold_of, held_out, known, earlier, paths)
        started = replace(started, from_run=earlier.record(going_on.why_not))
    recipe = with_epochs(recipe, len(rows["train"]), going_on.steps if going_on else 1.0)
    config = _config(dataset, digests, devices, replace(started, recipe=recipe))
    write_labels(run, dataset.labels)
    gone: Mapping[str, int] = {}
    if going_on and going_on.changes:
        gone = gone_folds(digests.values(), going_on.earlier)
    write_split(run.split, dataset, digests, fold_of, gone)
    write_record(run.config, config)
    run_figures.write_samples(run, dataset, rows["train"].tolist(), decoded.pixels, recipe)
    run_figures.write_model(run, model, counts, recipe)
    clock.lap("figures")
    final = model if devices.plain else build_model(recipe, len(found.labels))
    return Prepared(
        dataset,
        pictures,
        config,
        counts,
        tuple(summary.warnings),
        devices,
        model,
        final,
        folds,
        going_on,
    )


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
        data=replace(started.data, fingerprint=fingerprint, pictures=counts),
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
