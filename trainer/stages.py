"""From a folder of photos to a finished run folder."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import keras

import edgetl
from edgetl.edge.errors import RunFolderError, quoted, reason
from edgetl.edge.system.files import replacing
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.data import dataset as datasets
from edgetl.trainer.data.checks import (
    class_weights,
)
from edgetl.trainer.data.dataset import SPLITS, Dataset, Split
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.wording import counted
from edgetl.trainer.evaluation import run_metrics, split_probabilities, worst_mistakes
from edgetl.trainer.fitting.checkpoint import Checkpoint, read_checkpoint, restore
from edgetl.trainer.fitting.phases import Fit, cached_features, fit_phases
from edgetl.trainer.metrics import SplitMetrics
from edgetl.trainer.network.devices import computing_in
from edgetl.trainer.network.memory import keep_freed_memory
from edgetl.trainer.network.model import (
    freeze_backbone,
)
from edgetl.trainer.preparation import Clock, Prepared, prepare
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.report import run_figures
from edgetl.trainer.report.report import write_report
from edgetl.trainer.run.folder import (
    RunFolder,
    point_latest_at,
)
from edgetl.trainer.run.records import (
    DataRecord,
    RunConfig,
    RunMetrics,
    write_record,
)


@dataclass(frozen=True)
class Evaluated:
    """The probabilities and metrics of a trained model on each split."""

    probabilities: Mapping[Split, metrics.Probabilities]
    figures: Mapping[Split, SplitMetrics | None]


def train_new(dataset: Dataset, run: RunFolder, recipe: Recipe, *, tensorboard: bool) -> None:
    """Train on a folder of photos and leave a finished run folder. For errors see `train`.

    Args:
        dataset: the folder of photos, as `trainer.data.scanning.scan` found it.
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
    dataset = scan(Path(started.data.path))
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
    clock = Clock()
    prepared = prepare(found, run, started, clock)
    fitted = fit(prepared, run, checkpoint, clock, tensorboard=tensorboard)
    evaluated = evaluate(prepared, fitted, clock)
    publish(prepared, fitted, evaluated, run, clock)


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
            callbacks=_callbacks(run, tensorboard),
        )
    clock.add(fitted.seconds)
    restore(prepared.final.weights, fitted.best)
    return fitted


def evaluate(prepared: Prepared, fitted: Fit, clock: Clock) -> Evaluated:
    """Measure the best epoch's model on each split."""
    pictures, dataset = prepared.pictures, prepared.dataset
    probabilities = split_probabilities(prepared.final, pictures)
    trained = set(dataset.clusters("train"))
    figures: dict[Split, SplitMetrics | None] = {}
    for split in SPLITS:
        measured, clusters = pictures.measured(split), dataset.clusters(split)
        figures[split] = metrics.summary(
            probabilities[split],
            pictures.targets[split][measured],
            dataset.labels,
            clusters=[clusters[i] for i in measured],
            trained=() if split == "train" else trained,
        )
    clock.lap("evaluate")
    return Evaluated(probabilities, figures)


def publish(
    prepared: Prepared, fitted: Fit, evaluated: Evaluated, run: RunFolder, clock: Clock
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


def _callbacks(run: RunFolder, tensorboard: bool) -> list[keras.callbacks.Callback]:
    if not tensorboard:
        return []
    return [keras.callbacks.TensorBoard(run.tensorboard, write_graph=False)]


def _log_result(written: RunMetrics) -> None:
    logger.info(f"best epoch {written.best_epoch} by validation loss:")
    for split, figures in written.splits.items():
        if not figures:
            continue
        low, high = figures.interval or (0.0, 1.0)
        # Of pictures that were trained on, an interval would say nothing.
        interval = "" if split == "train" else f" (95 % interval {low:.3f} to {high:.3f})"
        logger.info(
            f"  {split:10} accuracy {figures.accuracy:.4f}{interval}\n"
            f"  {'':10} loss {figures.loss:.4f}, {counted(figures.pictures, 'picture')}"
        )
        if figures.accuracy_without is not None:
            photos = (
                "photo that has a near-copy"
                if figures.near_copies == 1
                else f"{figures.near_copies} photos that have near-copies"
            )
            logger.info(f"  {'':10} {figures.accuracy_without:.4f} without the {photos} in train")
