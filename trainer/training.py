"""`train` and what can be wrong before it begins: found before TensorFlow is loaded."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgetl.edge.errors import SettingError, plural, quoted
from edgetl.edge.model.latest import RUNS
from edgetl.edge.options import named_values, settings
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.messages import logger
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.trainer.config import check_weights, read_config, recipe_from, with_solver
from edgetl.trainer.data.cache_entries import CACHE_NAME
from edgetl.trainer.options import AUTO, FEATURES, TrainOptions
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.retraining.earlier import (
    SAME_NETWORK,
    EarlierRun,
    read_earlier,
    refuse_other_network,
    settings_of,
)
from edgetl.trainer.run.folder import RunFolder

if TYPE_CHECKING:
    from edgetl.edge.shards.outcome import IndexOutcome
    from edgetl.trainer.indexed.features import IndexedFeatures

_OF_OPTIONS = {setting.name for setting in settings(TrainOptions)}
# The options that go with --resume.
_WITH_RESUME = ("resume", "out", "tensorboard")
_SHOWN = {s.name: s.shown_name for s in (*settings(TrainOptions), *settings(Recipe))}


def train(data: str | Path | None = None, **options: Any) -> RunFolder:
    """Train a classifier on a folder of photos, as `edgetl train` does.

    Args:
        data: a folder with a folder per class, or an archive or URL of one; default ./data, else
            built-in demo pictures.
        options: of `TrainOptions` and settings of `Recipe`, by name: `train("photos", epochs=5)`.

    Returns:
        The finished run folder. `latest` points to it, unless `from_run` was given and the model of
        that run is better: `RunMetrics.replaces`.

    Raises:
        SettingError: an option is unknown or its value not allowed, the starting weights cannot be
            loaded, or a batch is too large for the GPU.
        DataError: there are too few photos that can be read; with `on_conflict="error"`, that some
            lie in two classes.
        RunFolderError: the run folder holds files or cannot be written, or the disk is full; with
            `resume`, that there is nothing to resume; with `from_run`, that it is no finished run.
        MissingExtraError: the [train] extra is not installed.
        EdgetlError: the loss became infinite or not a number.
    """
    need_extra("train", needs="edgetl train")
    if data is not None:
        options["data"] = str(data)
    given = named_values((TrainOptions, Recipe), options, where="train")
    if given.get("resume"):
        return _resumed(given)
    earlier, before = _earlier(given)
    chosen, recipe = _chosen(given, before)
    if earlier:
        refuse_other_network(earlier, recipe)
    if chosen.tensorboard:
        need_extra("tensorboard", needs="--tensorboard")
    if chosen.features_from:
        return _from_index(chosen, recipe)
    _refuse_without_index(chosen)
    from edgetl.trainer.data.archives import ARCHIVE_CACHE, data_folder
    from edgetl.trainer.data.scanning import scan
    from edgetl.trainer.run.folder import new_run

    photos = data_folder(
        chosen.data or str(_default_data()),
        cache=_runs_of(chosen).joinpath(*ARCHIVE_CACHE),
        sha256=chosen.sha256,
    )
    dataset = scan(photos)
    check_weights(recipe.weights)
    with new_run(chosen.out) as run:
        with hidden_native_log(), gc_disabled():
            from edgetl.trainer.size_choice import with_best_size
            from edgetl.trainer.stages import train_new
        asked = {}
        if chosen.image_size == AUTO:
            recipe = with_best_size(dataset, run, recipe)
            asked["image_size"] = AUTO
        train_new(
            dataset, run, recipe, tensorboard=chosen.tensorboard, asked=asked, earlier=earlier
        )
    return run


def compute_features(**options: Any) -> "IndexOutcome":
    """Compute features of an index's pictures, as `edgetl train --features-from DIR --shard I/N`.

    Args:
        options: those of `train`; `shard` is the part of the shards.

    Raises:
        The errors of `edgetl.trainer.indexed.features.compute_features`.
    """
    need_extra("train", needs="edgetl train")
    given = named_values((TrainOptions, Recipe), options, where="train")
    if given.get("resume"):
        raise SettingError("--shard computes features and resumes no training; leave one out")
    chosen, recipe = _chosen(given, {})
    if not chosen.features_from:
        _refuse_without_index(chosen)
        raise SettingError("no index to compute features of; name one with --features-from")
    _refuse_with_index(chosen, recipe)
    return _features(chosen, recipe)[1]


def _chosen(given: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[TrainOptions, Recipe]:
    """The options and the recipe of what is given, of a configuration file, or else of `before`."""
    if config := given.get("config"):
        if "recipe" in given and config.suffix.lower() == ".json":
            raise SettingError("--recipe and a run's --config together; give one of them")
        before = read_config(config)
    # Other photos than those of the file.
    others = {"features_from": ("data",), "data": ("features_from", "features")}
    replaced = {name for option in others if option in given for name in others[option]}
    found = {k: value for k, value in before.items() if k not in replaced}
    found |= with_solver(given)
    options = {name: value for name, value in found.items() if name in _OF_OPTIONS}
    return TrainOptions(**options), recipe_from(found)


def _refuse_without_index(chosen: TrainOptions) -> None:
    for setting in chosen.changed():
        if setting.name in ("features", "shard"):
            raise SettingError(f"{setting.shown_name} is for --features-from DIR; give both")


def _from_index(chosen: TrainOptions, recipe: Recipe) -> RunFolder:
    """Train on the pictures of an index."""
    assert chosen.features_from
    if chosen.shard:
        raise SettingError("--shard computes features and does not train; call compute_features")
    _refuse_with_index(chosen, recipe)
    recipe = replace(recipe, hold_out=True)
    from edgetl.trainer.run.folder import new_run

    with hidden_native_log(), gc_disabled():
        from edgetl.trainer.indexed.photos import indexed_photos, scan_indexed
        from edgetl.trainer.stages import train_new
    # What is wrong with the classes, or with --out, is found before hours of features.
    found = scan_indexed(chosen.features_from)
    with new_run(chosen.out) as run:
        features, outcome = _features(chosen, recipe)
        logger.info(
            "features   %s in %s, %s computed now",
            plural(outcome.rows, "picture"),
            quoted(features.folder),
            f"{outcome.new:,}",
        )
        photos = indexed_photos(found, features, recipe, run)
        train_new(photos.sample, run, recipe, tensorboard=chosen.tensorboard, indexed=photos)
    return run


def _runs_of(chosen: TrainOptions) -> Path:
    """Where the run is made, and caches beside it."""
    return chosen.out.parent if chosen.out else RUNS


def _features(chosen: TrainOptions, recipe: Recipe) -> "tuple[IndexedFeatures, IndexOutcome]":
    """The features of the pictures of an index, computed where they are not yet."""
    assert chosen.features_from
    with hidden_native_log(), gc_disabled():
        from edgetl.trainer.indexed import features
    return features.compute_features(
        chosen.features_from,
        chosen.features or FEATURES,
        recipe,
        cache=_runs_of(chosen) / CACHE_NAME,
        part=chosen.shard,
    )


def _refuse_with_index(chosen: TrainOptions, recipe: Recipe) -> None:
    """Refuse options that do not go with an index, and see that what it needs is there."""
    refused = {
        "DATA": chosen.data is not None,
        "--from": chosen.from_run is not None,
        "--image-size auto": chosen.image_size == AUTO,
        "--weights none": recipe.weights == "none",
        "--head-solver adam": recipe.head_solver != "lbfgs",
    }
    for option, given in refused.items():
        if given:
            raise SettingError(f"{option} does not go with --features-from; leave one of them out")
    need_extra("shards", needs="--features-from")
    check_weights(recipe.weights)


def _earlier(given: Mapping[str, Any]) -> tuple[EarlierRun | None, dict[str, Any]]:
    """The run that a training goes on from, and what its settings are then, besides those given.

    Raises:
        SettingError: --config is given too.
        RunFolderError: it is no finished run.
    """
    if given.get("from_run") is None:
        return None, {}
    if "config" in given:
        raise SettingError(
            "--from takes the settings of its run; leave --config out, or train without --from"
        )
    earlier = read_earlier(given["from_run"])
    found = settings_of(earlier.run.config)
    if "recipe" in given:
        # All of its settings, on the network of the run.
        found = {name: found[name] for name in ("data", *SAME_NETWORK)}
    return earlier, found


def _resumed(given: dict[str, Any]) -> RunFolder:
    for name in given:
        if name not in _WITH_RESUME:
            raise SettingError(
                f"--resume continues with the run's own settings; leave {_SHOWN[name]} out, or "
                f"train without --resume"
            )
    if given.get("tensorboard"):
        need_extra("tensorboard", needs="--tensorboard")
    from edgetl.trainer.run.folder import find_interrupted, read_started
    from edgetl.trainer.run.lock import held

    run = find_interrupted(given.get("out"))
    started = read_started(run)
    with held(run.path):
        with hidden_native_log(), gc_disabled():
            from edgetl.trainer.stages import resume
        resume(run, started, tensorboard=bool(given.get("tensorboard")))
    return run


def _default_data() -> Path:
    if Path("data").is_dir():
        return Path("data")
    from edgetl.trainer.data.demo_pictures import write_demo_pictures

    pictures = Path("edgetl-demo", "pictures")
    logger.warning(
        "no DATA given and no ./data here: training on the built-in demo pictures, drawn into %s",
        pictures,
    )
    return write_demo_pictures(pictures)
