"""From a folder of photos to a finished run folder."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import keras

import edgetl
from edgetl.edge.errors import DataError, RunFolderError, plural, quoted, reason
from edgetl.edge.model.special_labels import UNKNOWN
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger
from edgetl.trainer.clock import Clock
from edgetl.trainer.comparison import RunComparison
from edgetl.trainer.data import dataset as datasets
from edgetl.trainer.data.checks import class_weights
from edgetl.trainer.data.dataset import Dataset, Example, Split
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.evaluation import (
    Evaluated,
    evaluate,
    given_classes,
    run_metrics,
    split_metrics,
    targets_of,
    write_doubtful,
)
from edgetl.trainer.fitting.checkpoint import Checkpoint, read_checkpoint, restore
from edgetl.trainer.fitting.fit import Fit, fit
from edgetl.trainer.fitting.rows import HeadPhotos
from edgetl.trainer.metrics import SplitMetrics
from edgetl.trainer.mistakes import worst_mistakes
from edgetl.trainer.network.memory import keep_freed_memory
from edgetl.trainer.network.model import divide_logits, freeze_backbone
from edgetl.trainer.network.plain_model import plain_model
from edgetl.trainer.preparation import Prepared, prepare
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report import run_figures
from edgetl.trainer.report.report import write_report
from edgetl.trainer.resolved_settings import resolved_settings
from edgetl.trainer.retraining.comparing import compare_with_earlier
from edgetl.trainer.retraining.earlier import EarlierRun, read_earlier
from edgetl.trainer.retraining.messages import log_comparison, log_going_on
from edgetl.trainer.run.folder import RunFolder, point_latest_at
from edgetl.trainer.run.keras_file import save_keras
from edgetl.trainer.run.photos import run_photos
from edgetl.trainer.run.predictions import write_predictions
from edgetl.trainer.run.records import DataRecord, RunConfig, RunMetrics, write_record
from edgetl.trainer.run.split_record import read_digests
from edgetl.trainer.thresholds import precision_record
from edgetl.trainer.unknown import write_unknown

if TYPE_CHECKING:
    from edgetl.trainer.indexed.photos import IndexedPhotos

# Fewer photos of a class do not show how unlike one another they are.
_ENOUGH_OF_A_CLASS = 5


def train_new(
    dataset: Dataset,
    run: RunFolder,
    recipe: Recipe,
    *,
    tensorboard: bool,
    asked: Mapping[str, str] = MappingProxyType({}),
    earlier: EarlierRun | None = None,
    indexed: "IndexedPhotos | None" = None,
) -> None:
    """Train on the photos that `trainer.data.scanning.scan` found, in a new run folder.

    `asked` is that of `RunConfig`, `earlier` the run that it goes on from, and `indexed` what
    `dataset` is the sample of. For errors see `train`.
    """
    started = RunConfig(
        edgetl=edgetl.__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=recipe,
        data=DataRecord(
            path=str(dataset.root.resolve()), index=indexed.record if indexed else None
        ),
        asked=dict(asked) if recipe.epochs else {**asked, "epochs": "auto"},
        from_run=earlier.record() if earlier else None,
    )
    with _written_to(run):
        write_record(run.config, started)
        head = indexed.head if indexed else None
        _train(dataset, run, started, None, earlier, head, tensorboard=tensorboard)


def resume(run: RunFolder, started: RunConfig, *, tensorboard: bool = False) -> None:
    """Continue a training that was interrupted, after the last epoch it finished.

    The run ends as it would have without the interruption, on the same machine. `started` is its
    config.json.

    Raises:
        DataError: the photos are gone or have changed.
        The errors of `train`.
    """
    indexed = _indexed_again(run, started)
    dataset = indexed.sample if indexed else scan(Path(started.data.path))
    earlier = read_earlier(Path(started.from_run.path)) if started.from_run else None
    _refuse_other_photos(run, dataset)
    with _written_to(run):
        for left_by_a_kill in run.path.rglob(".part-*"):
            left_by_a_kill.unlink()
        checkpoint = read_checkpoint(run)
        done = len(checkpoint.history) if checkpoint else 0
        logger.info("resuming %s after epoch %d", quoted(run.path), done)
        head = indexed.head if indexed else None
        _train(dataset, run, started, checkpoint, earlier, head, tensorboard=tensorboard)


def _indexed_again(run: RunFolder, started: RunConfig) -> "IndexedPhotos | None":
    """What an interrupted training learned from that was one on an index; None otherwise."""
    record = started.data.index
    if record is None:
        return None
    need_extra("shards", needs="a training on an index")
    from edgetl.trainer.indexed.features import compute_features
    from edgetl.trainer.indexed.photos import indexed_photos, scan_indexed

    index, folder = Path(record.path), Path(record.features)
    found = scan_indexed(index)
    features, _ = compute_features(index, folder, started.recipe, cache=run.cache)
    return indexed_photos(found, features, started.recipe, run)


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
    earlier: EarlierRun | None,
    head: HeadPhotos | None,
    *,
    tensorboard: bool,
) -> None:
    keep_freed_memory()
    clock = Clock()
    prepared = prepare(found, run, started, clock, earlier)
    if prepared.going_on:
        log_going_on(prepared.going_on, prepared.dataset, prepared.config)
    fitted = fit_model(prepared, run, checkpoint, clock, head=head, tensorboard=tensorboard)
    evaluated = evaluate(prepared.final, prepared.pictures, prepared.dataset, fitted)
    figures = split_metrics(evaluated, prepared.dataset, fitted.choice.temperature)
    clock.lap("evaluate")
    comparison = _comparison(prepared, evaluated["validation"])
    publish(prepared, fitted, evaluated, figures, comparison, run, clock)


def _comparison(prepared: Prepared, held_out: Evaluated) -> RunComparison | None:
    """With the model of the run that the training goes on from; None without one.

    A test split, which decides nothing, is left out.
    """
    if prepared.going_on is None:
        return None
    return compare_with_earlier(
        prepared.dataset,
        prepared.pictures,
        prepared.config.recipe,
        held_out.pictures,
        held_out.predicted,
        prepared.going_on.known,
        prepared.going_on.earlier,
    )


def fit_model(
    prepared: Prepared,
    run: RunFolder,
    checkpoint: Checkpoint | None,
    clock: Clock,
    *,
    head: HeadPhotos | None = None,
    tensorboard: bool,
) -> Fit:
    """Train both phases, from `checkpoint` on; `prepared.final` gets the weights that are kept.

    `head` is that of `fit`.
    """
    recipe, dataset = prepared.config.recipe, prepared.dataset
    weights = class_weights(datasets.counts(dataset, "train"), recipe.class_weights)
    fitted = fit(
        prepared.model,
        prepared.final,
        prepared.pictures,
        prepared.folds,
        run,
        recipe,
        clock,
        labels=dataset.labels,
        class_weights=weights,
        known=_known_classes(dataset) if recipe.knows_unknown else 0,
        starts=prepared.going_on.changes if prepared.going_on else {},
        checkpoint=checkpoint,
        devices=prepared.devices,
        head=head,
        callbacks=[keras.callbacks.TensorBoard(run.tensorboard, write_graph=False)]
        if tensorboard
        else [],
    )
    restore(prepared.final.weights, fitted.weights)
    divide_logits(prepared.final, fitted.choice.temperature)
    return fitted


def _known_classes(dataset: Dataset) -> int:
    """How many classes, the first, a picture can be near to; 0 where they have too few photos."""
    found = datasets.counts(dataset, "train")
    found.pop(UNKNOWN, None)
    fewest = min(found, key=found.__getitem__)
    if found[fewest] >= _ENOUGH_OF_A_CLASS:
        return len(found)
    logger.warning(
        f"the model will call nothing {UNKNOWN!r}: {plural(found[fewest], 'training photo')} of "
        f"{quoted(fewest)!r} cannot show how far a class reaches; {_ENOUGH_OF_A_CLASS} or more can"
    )
    return 0


def publish(
    prepared: Prepared,
    fitted: Fit,
    evaluated: Mapping[Split, Evaluated],
    figures: Mapping[str, SplitMetrics | None],
    comparison: RunComparison | None,
    run: RunFolder,
    clock: Clock,
) -> None:
    """Write figures, report, metrics and last the model, which makes the run a finished one."""
    dataset = prepared.dataset
    run_figures.write_curves(run, fitted.history, kept=fitted.best_epoch)
    held_out = evaluated["validation"]
    precision = precision_record(
        held_out.probabilities,
        targets_of(dataset, held_out),
        dataset.labels,
        clusters=[dataset.examples[i].cluster for i in held_out.pictures],
    )
    index = prepared.config.data.index
    trained = index.pictures if index else datasets.counts(dataset, "train")
    written = run_metrics(
        fitted, prepared.counts, figures, clock.seconds, precision, comparison, trained
    )
    quoted_split = evaluated[written.quoted]
    run_figures.write_confusion(run, dataset, written)
    run_figures.write_reliability(run, written)
    run_figures.write_coverage(run, quoted_split.probabilities, targets_of(dataset, quoted_split))
    clock.lap("figures")
    write_report(
        run,
        dataset=dataset,
        config=prepared.config,
        history=fitted.history,
        metrics=written,
        mistakes=worst_mistakes(prepared, fitted, evaluated),
        warnings=prepared.warnings,
        doubtful=write_doubtful(prepared, fitted, run),
        resolved=resolved_settings(prepared.config, written, dataset),
    )
    clock.lap("figures")
    write_predictions(run.predictions, given_classes(dataset, evaluated))
    write_record(run.metrics, replace(written, seconds=dict(clock.seconds)))
    freeze_backbone(prepared.final)
    if fitted.unknown:
        write_unknown(run.unknown, fitted.unknown)
    with replacing(run.model) as temporary:
        save_keras(plain_model(prepared.final), temporary)
    if written.replaces:
        point_latest_at(run)
    shutil.rmtree(run.activations, ignore_errors=True)
    run.checkpoint.unlink(missing_ok=True)
    _log_figures(written, figures)
    if prepared.going_on:
        log_comparison(run, prepared.going_on, comparison)


def _log_figures(written: RunMetrics, figures: Mapping[str, SplitMetrics | None]) -> None:
    logger.info(_kept_line(written))
    if written.unknown:
        logger.info(
            f"unknown    {written.unknown.passed} of {written.unknown.held_out} held-out photos of "
            f"the classes pass as known"
        )
    for split, found in figures.items():
        if not found:
            continue
        low, high = found.interval or (0.0, 1.0)
        # Of pictures that were trained on, an interval would say nothing.
        interval = "" if split == "train" else f" (95 % interval {low:.3f} to {high:.3f})"
        logger.info(
            f"  {split:10} accuracy {found.accuracy:.4f}{interval}\n"
            f"  {'':10} loss {found.loss:.4f}, {plural(found.pictures, 'picture')}"
        )
        if found.accuracy_without is not None:
            photos = (
                "photo that has a near-copy"
                if found.near_copies == 1
                else f"{found.near_copies} photos that have near-copies"
            )
            logger.info(f"  {'':10} {found.accuracy_without:.4f} without the {photos} in train")


def _kept_line(written: RunMetrics) -> str:
    share = written.fine_tuned
    kept = f"weights of epoch {written.best_epoch}"
    if written.best_phase == "fine_tune" and share < 1:
        kept += f", {1 - share:.0%} of the head's model in the average"
    return f"kept       {kept}; temperature {written.temperature:.2f}"
