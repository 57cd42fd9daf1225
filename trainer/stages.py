"""From a folder of photos to a finished run folder."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import keras
import numpy as np

import edgetl
from edgetl.edge.errors import DataError, RunFolderError, quoted, reason
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger
from edgetl.trainer.data import dataset as datasets
from edgetl.trainer.data.checks import class_weights
from edgetl.trainer.data.dataset import SPLITS, Dataset, Example, Split
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.wording import counted
from edgetl.trainer.evaluation import (
    run_metrics,
    split_metrics,
    split_probabilities,
    worst_mistakes,
)
from edgetl.trainer.features.cache import plain_features, split_layer_below
from edgetl.trainer.fitting.checkpoint import Checkpoint, read_checkpoint, restore
from edgetl.trainer.fitting.cross_validation import assign_folds, cross_validate
from edgetl.trainer.fitting.phases import Fit, cached_features, fit_phases
from edgetl.trainer.metrics import CrossValidation, Probabilities, SplitMetrics
from edgetl.trainer.network.devices import computing_in
from edgetl.trainer.network.memory import keep_freed_memory
from edgetl.trainer.network.model import backbone_of, freeze_backbone
from edgetl.trainer.preparation import Clock, Prepared, prepare
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report import run_figures
from edgetl.trainer.report.report import write_report
from edgetl.trainer.run.folder import RunFolder, point_latest_at
from edgetl.trainer.run.photos import run_photos
from edgetl.trainer.run.records import DataRecord, RunConfig, write_record
from edgetl.trainer.run.split_record import read_digests

# Below this number of test photos the accuracy on them says little, and photos are cross-validated.
ENOUGH_TO_TEST_ON = 200
FOLDS = 5


def train_new(dataset: Dataset, run: RunFolder, recipe: Recipe, *, tensorboard: bool) -> None:
    """Train on the photos that `trainer.data.scanning.scan` found, in a new run folder.

    For errors see `train`.
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

    The run ends as it would have without the interruption, on the same machine. `started` is its
    config.json.

    Raises:
        DataError: the photos are gone or have changed.
        The errors of `train`.
    """
    dataset = scan(Path(started.data.path))
    _refuse_other_photos(run, dataset)
    with _written_to(run):
        for left_by_a_kill in run.path.rglob(".part-*"):
            left_by_a_kill.unlink()
        checkpoint = read_checkpoint(run)
        done = len(checkpoint.history) if checkpoint else 0
        logger.info("resuming %s after epoch %d", quoted(run.path), done)
        _train(dataset, run, started, checkpoint, tensorboard=tensorboard)


def _refuse_other_photos(run: RunFolder, dataset: Dataset) -> None:
    """Name the photos that are not as the training read them; what is new is found later."""
    if not run.split.is_file():
        return
    recorded = read_digests(run.split)
    photos = run_photos([Example(file, "", None) for file in recorded], recorded, dataset.root)
    if different := [*photos.missing, *photos.changed]:
        raise DataError(
            f"{quoted(dataset.root / different[0])}: is not as this training read it "
            f"({len(different)} of {len(recorded)} photos are missing or changed); put them back, "
            f"or train without --resume"
        )


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
    clock = Clock()
    prepared = prepare(found, run, started, clock)
    cross_validation = cross_validated(prepared, run, own_test=bool(found.of("test")))
    clock.lap("cross-validation")
    fitted = fit(prepared, run, checkpoint, clock, tensorboard=tensorboard)
    probabilities = split_probabilities(prepared.final, prepared.pictures)
    figures = split_metrics(probabilities, prepared.pictures, prepared.dataset)
    clock.lap("evaluate")
    publish(prepared, fitted, probabilities, figures, cross_validation, run, clock)


def cross_validated(
    prepared: Prepared, run: RunFolder, *, own_test: bool
) -> CrossValidation | None:
    """Cross-validate a head on the frozen backbone's features, where the recipe or few photos ask.

    Args:
        prepared: the photos and the model, not yet trained.
        run: where features are cached.
        own_test: whether the data has a test folder, whose photos are left out.
    """
    recipe, dataset = prepared.config.recipe, prepared.dataset
    enough = len(dataset.of("test")) >= ENOUGH_TO_TEST_ON
    folds = recipe.folds or (1 if enough else FOLDS)
    if folds == 1:
        return None
    splits = [split for split in SPLITS if split != "test" or not own_test]
    examples = [dataset.examples[i] for split in splits for i in dataset.of(split)]
    rows = np.concatenate([prepared.pictures.rows[split] for split in splits])
    run.activations.mkdir(exist_ok=True)
    features = plain_features(
        prepared.final,
        split_layer_below(backbone_of(prepared.final), recipe.fine_tune_from),
        prepared.pictures.pixels,
        cache=run.cache,
        path=run.activations / "plain-features.npy",
    )
    return cross_validate(
        features[rows].astype(np.float32),
        np.concatenate([prepared.pictures.targets[split] for split in splits]),
        assign_folds(examples, folds, seed=recipe.seed),
        classes=len(dataset.labels),
    )


def fit(
    prepared: Prepared,
    run: RunFolder,
    checkpoint: Checkpoint | None,
    clock: Clock,
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
            callbacks=[keras.callbacks.TensorBoard(run.tensorboard, write_graph=False)]
            if tensorboard
            else [],
        )
    clock.add(fitted.seconds)
    restore(prepared.final.weights, fitted.best)
    return fitted


def publish(
    prepared: Prepared,
    fitted: Fit,
    probabilities: Mapping[Split, Probabilities],
    figures: Mapping[str, SplitMetrics | None],
    cross_validation: CrossValidation | None,
    run: RunFolder,
    clock: Clock,
) -> None:
    """Write figures, report, metrics and last the model, which makes the run a finished one."""
    dataset = prepared.dataset
    run_figures.write_curves(run, fitted.history)
    run_figures.write_confusion(run, dataset, figures)
    clock.lap("figures")
    written = run_metrics(fitted.history, prepared.counts, figures, clock.seconds, cross_validation)
    write_report(
        run,
        dataset=dataset,
        config=prepared.config,
        history=fitted.history,
        metrics=written,
        mistakes=worst_mistakes(dataset, prepared.pictures, probabilities[dataset.held_out]),
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
    if cross_validation:
        logger.info(
            f"head alone, {cross_validation.folds} folds of "
            f"{counted(cross_validation.pictures, 'photo')}: "
            f"accuracy {cross_validation.accuracy:.4f}, spread {cross_validation.spread:.4f}"
        )
    logger.info(f"best epoch {written.best_epoch} by validation loss:")
    for split, found in figures.items():
        if not found:
            continue
        low, high = found.interval or (0.0, 1.0)
        # Of pictures that were trained on, an interval would say nothing.
        interval = "" if split == "train" else f" (95 % interval {low:.3f} to {high:.3f})"
        logger.info(
            f"  {split:10} accuracy {found.accuracy:.4f}{interval}\n"
            f"  {'':10} loss {found.loss:.4f}, {counted(found.pictures, 'picture')}"
        )
        if found.accuracy_without is not None:
            photos = (
                "photo that has a near-copy"
                if found.near_copies == 1
                else f"{found.near_copies} photos that have near-copies"
            )
            logger.info(f"  {'':10} {found.accuracy_without:.4f} without the {photos} in train")
