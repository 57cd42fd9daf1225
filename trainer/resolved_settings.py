"""What became of the settings whose values a training chooses itself, or does without."""

from collections.abc import Callable, Mapping

from edgetl.edge.errors import plural
from edgetl.trainer.data import dataset as datasets
from edgetl.trainer.data.checks import class_weights
from edgetl.trainer.data.dataset import Dataset
from edgetl.trainer.fitting.epochs import epoch_steps, planned_epochs
from edgetl.trainer.run.records import RunConfig, RunMetrics


def resolved_settings(config: RunConfig, metrics: RunMetrics, dataset: Dataset) -> dict[str, str]:
    """What each such setting became, by its field in the recipe, or "image_size"."""
    resolvers: Mapping[str, Callable[[RunConfig, RunMetrics, Dataset], str | None]] = {
        "image_size": _image_size,
        "epochs": _epochs,
        "steps": _steps,
        "patience": lambda config, *_: None if config.recipe.patience else "never",
        "hold_out": _hold_out,
        "folds": _folds,
        "class_weights": _class_weights,
        "average": _average,
        "calibrate": _calibrate,
        "unknown": _unknown,
        "head_views": _head_views,
        "head_epochs": _of_adam,
        "head_lr": _of_adam,
        "precision": _precision,
    }
    found = {name: resolve(config, metrics, dataset) for name, resolve in resolvers.items()}
    return {name: value for name, value in found.items() if value is not None}


def _image_size(config: RunConfig, _: RunMetrics, __: Dataset) -> str | None:
    return str(config.recipe.height) if "image_size" in config.asked else None


def _epochs(config: RunConfig, _: RunMetrics, __: Dataset) -> str | None:
    return str(config.recipe.epochs) if "epochs" in config.asked else None


def _steps(config: RunConfig, _: RunMetrics, dataset: Dataset) -> str | None:
    if config.recipe.steps:
        return None
    an_epoch = epoch_steps(config.recipe, len(dataset.of("train")))
    return f"{planned_epochs(config.recipe, 'fine_tune') * an_epoch:,}"


def _hold_out(config: RunConfig, metrics: RunMetrics, _: Dataset) -> str | None:
    if config.recipe.hold_out:
        return None
    if metrics.cross_validation:
        return "all photos are learned from"
    validation = metrics.splits["validation"]
    return f"{plural(validation.pictures, 'photo')} validate" if validation else None


def _folds(config: RunConfig, metrics: RunMetrics, _: Dataset) -> str:
    if metrics.cross_validation is None:
        return "not for the figures"
    return f"{metrics.cross_validation.folds} held out"


def _class_weights(config: RunConfig, _: RunMetrics, dataset: Dataset) -> str | None:
    if config.recipe.class_weights != "auto":
        return None
    weights = class_weights(datasets.counts(dataset, "train"))
    low, high = f"{min(weights):.2f}", f"{max(weights):.2f}"
    return "all 1" if low == high else f"{low} to {high}"


def _average(config: RunConfig, metrics: RunMetrics, _: Dataset) -> str | None:
    if not config.recipe.average:
        return None
    if not config.recipe.averages:
        return "not with adam's head"
    return f"{metrics.fine_tuned:.0%} of phase two"


def _calibrate(config: RunConfig, metrics: RunMetrics, _: Dataset) -> str | None:
    return f"temperature {metrics.temperature:.2f}" if config.recipe.calibrate else None


def _unknown(config: RunConfig, metrics: RunMetrics, _: Dataset) -> str | None:
    if not config.recipe.knows_unknown:
        return None
    if metrics.unknown is None:
        return "a class has too few photos"
    return f"by {plural(metrics.unknown.held_out, 'held-out photo')}"


def _head_views(config: RunConfig, _: RunMetrics, dataset: Dataset) -> str | None:
    recipe = config.recipe
    if recipe.head_solver == "lbfgs":
        return "not for a solved head"
    if recipe.head_views:
        return None
    wanted = recipe.copies_for_head(len(dataset.of("train")))
    return str(min(recipe.views, wanted) if recipe.augments else 1)


def _of_adam(config: RunConfig, _: RunMetrics, __: Dataset) -> str | None:
    return "not for a solved head" if config.recipe.head_solver == "lbfgs" else None


def _precision(config: RunConfig, _: RunMetrics, __: Dataset) -> str | None:
    policy, phase_two = (config.computed_in.get(name) for name in ("policy", "phase_two"))
    if config.recipe.precision != "auto" or policy is None:
        return None
    return f"{phase_two} in phase two" if phase_two else policy.replace("mixed_", "mixed ")
