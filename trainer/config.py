"""The settings of a training, of options and of configuration files."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgetl.edge.errors import SettingError, quoted, reason
from edgetl.edge.options import named_values, settings
from edgetl.edge.system.files import read_json, read_regular_file, why_no_file
from edgetl.trainer.options import AUTO, TrainOptions, parse_image_size
from edgetl.trainer.recipe import RECIPES, Recipe, upgraded

_MOST_BYTES = 1_000_000
_NOT_IN_FILES = ("config", "resume", "from_run")
_RECIPE = {setting.name for setting in settings(Recipe)}


def read_config(path: Path) -> dict[str, Any]:
    """The options in a configuration file, by name with underscores.

    It is TOML with the long names of `edgetl train`'s options (`head-epochs = 5`; `data` for DATA),
    or config.json of a run, which gives the recipe and the photos of that run.

    Raises:
        SettingError: the file cannot be read, or holds a name that is not an option.
    """
    try:
        if path.suffix.lower() == ".json":
            found = read_json(path, at_most=_MOST_BYTES)
        else:
            found = tomllib.loads(read_regular_file(path, at_most=_MOST_BYTES).decode("utf-8"))
    except OSError as error:
        raise SettingError(f"{quoted(path)}: {reason(error)}; --config needs a file") from error
    except (ValueError, RecursionError) as error:
        words = " ".join(str(error).split())
        raise SettingError(f"{quoted(path)}: neither TOML nor a run's config.json ({words})") from (
            error
        )
    if not isinstance(found, dict):
        raise SettingError(f"{quoted(path)}: holds no settings")
    if isinstance(found.get("recipe"), dict):
        found = {**upgraded(found["recipe"]), **_photos(found.get("data"))}
    options = named_values((TrainOptions, Recipe), found, where=quoted(path))
    if "image_size" in options and {"height", "width"} & set(options):
        raise SettingError(
            f"{quoted(path)}: holds image_size and height or width; keep one of them"
        )
    for setting in settings(TrainOptions):
        if setting.name in _NOT_IN_FILES and setting.name in options:
            raise SettingError(
                f"{quoted(path)}: {setting.shown_name} is for the command line; leave it out"
            )
    return {name: value for name, value in options.items() if value is not None}


def _photos(data: Any) -> dict[str, Any]:
    """The options that name the photos of a run, of the record of them in its config.json."""
    if not isinstance(data, dict):
        return {}
    index = data.get("index")
    if isinstance(index, dict):
        return {"features_from": index.get("path"), "features": index.get("features")}
    return {"data": data.get("path")}


def with_solver(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options with Adam for the head, if they set its epochs or learning rate and no solver."""
    if {"head_epochs", "head_lr"} & set(options) and "head_solver" not in options:
        return {**options, "head_solver": "adam"}
    return dict(options)


def recipe_from(options: Mapping[str, Any]) -> Recipe:
    """The recipe named by `options["recipe"]` with the other options in place of its settings.

    Options that are no settings of a recipe are ignored.

    Raises:
        SettingError: no such recipe, or a value is out of range.
    """
    name = TrainOptions(recipe=options.get("recipe", "default")).recipe
    changes = {key: value for key, value in options.items() if key in _RECIPE}
    if options.get("image_size") not in (None, AUTO):
        height, width = map(int, parse_image_size(str(options["image_size"])).split("x"))
        changes |= {"height": height, "width": width}
        for setting in settings(Recipe):
            if setting.name in ("height", "width"):
                try:
                    setting.check(changes[setting.name])
                except SettingError as error:
                    raise SettingError(f"--image-size {options['image_size']}: {error}") from error
    base = RECIPES[name]
    changes = with_solver(changes)
    epochs, head_epochs = changes.get("epochs"), changes.get("head_epochs")
    adam = changes.get("head_solver", base.head_solver) == "adam"
    if isinstance(epochs, int) and head_epochs is None and adam and 0 < epochs < base.head_epochs:
        # Whoever asks for few epochs in all has not asked for the head's many.
        changes["head_epochs"] = max(1, round(epochs * base.head_epochs / (base.epochs or 14)))
    return replace(base, **changes)


def check_weights(weights: str) -> None:
    """See that a recipe's `weights` are there.

    Raises:
        SettingError: they are a file's path, and there is no file to be read.
    """
    if weights not in ("bundled", "imagenet", "none") and (why := why_no_file(weights)):
        raise SettingError(
            f"--weights {quoted(weights)}: {why}; name a file, or bundled, imagenet or none"
        )
