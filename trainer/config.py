"""The options of a training, from the command line and from files, as one recipe."""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from edgetl.edge.errors import SettingError, quoted, reason
from edgetl.trainer.recipe import RECIPES, Recipe

_RECIPE_FIELDS = tuple(field.name for field in fields(Recipe))
# What a configuration file may hold besides the recipe's own settings.
_OTHERS = ("recipe", "image_size", "data", "out", "sha256", "tensorboard")


def read_config(path: Path) -> dict[str, Any]:
    """The options in a configuration file, by name with underscores.

    It is TOML with the long names of `edgetl train`'s options (`head-epochs = 5`; `data` for DATA),
    or config.json of a run, which gives the recipe and the photos of that run.

    Raises:
        SettingError: the file cannot be read, or holds a name that is no option.
    """
    try:
        text = path.read_bytes().decode("utf-8")
        found = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        raise SettingError(f"{quoted(path)}: {reason(error)}; --config needs a file") from error
    except ValueError as error:
        words = " ".join(str(error).split())
        raise SettingError(f"{quoted(path)}: neither TOML nor a run's config.json ({words})") from (
            error
        )
    if not isinstance(found, dict):
        raise SettingError(f"{quoted(path)}: holds no settings")
    if isinstance(found.get("recipe"), dict):
        data = found.get("data")
        found = {**found["recipe"], "data": data.get("path") if isinstance(data, dict) else None}
    options = {name.replace("-", "_"): value for name, value in found.items()}
    for name in options:
        if name not in (*_RECIPE_FIELDS, *_OTHERS):
            near = get_close_matches(name, (*_RECIPE_FIELDS, *_OTHERS), 1)
            hint = f"; did you mean {near[0].replace('_', '-')}?" if near else ""
            raise SettingError(f"{quoted(path)}: {name!r} is no option of edgetl train{hint}")
    return {name: value for name, value in options.items() if value is not None}


def recipe_from(options: Mapping[str, Any]) -> Recipe:
    """The recipe named by `options["recipe"]` with the other options in place of its settings.

    Options that are no settings of a recipe are passed over.

    Raises:
        SettingError: no such recipe, or a value is out of range.
    """
    name = options.get("recipe", "default")
    if name not in RECIPES:
        raise SettingError(f"recipe {name!r} is not one of {', '.join(RECIPES)}")
    changes = {key: value for key, value in options.items() if key in _RECIPE_FIELDS}
    if "image_size" in options:
        height, width = _size(str(options["image_size"]))
        changes |= {"height": height, "width": width}
    base = RECIPES[name]
    epochs, head_epochs = changes.get("epochs"), changes.get("head_epochs")
    if isinstance(epochs, int) and head_epochs is None and epochs < base.head_epochs:
        # Whoever asks for few epochs in all has not asked for the head's many.
        changes["head_epochs"] = max(1, round(epochs * base.head_epochs / base.epochs))
    return replace(base, **changes)


def _size(text: str) -> tuple[int, int]:
    """160 or 120x160 (height x width), in pixels."""
    sides = text.lower().split("x")
    try:
        numbers = [int(side) for side in sides]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise SettingError(f"--image-size {text!r} is neither a number nor HEIGHTxWIDTH")
    return numbers[0], numbers[-1]
