"""The settings of a run as its report shows them."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgetl.edge.options import settings
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.records import RunConfig

_SIZE = ("height", "width")
# At 0 training chooses, and its config.json keeps the 0.
_AUTO_AT_0 = ("steps", "head_views")


@dataclass(frozen=True)
class ShownSetting:
    """A setting: its option's name, what was asked, what that became if it says, and its help."""

    name: str
    value: str
    resolved: str | None
    help: str


def shown_settings(config: RunConfig, resolved: Mapping[str, str]) -> list[ShownSetting]:
    """Each setting, as the command line has them, the size of the input first.

    `resolved` is what `edgetl.trainer.resolved_settings` found.
    """
    recipe = config.recipe
    size = (
        f"{recipe.height}" if recipe.height == recipe.width else f"{recipe.height}x{recipe.width}"
    )
    found = [("image_size", size, "Size of the input, in pixels: height x width.")]
    found += [
        (setting.name, _shown(getattr(recipe, setting.name)), setting.option.help)
        for setting in settings(Recipe)
        if setting.name not in _SIZE
    ]
    asked = {name: "auto" for name in _AUTO_AT_0 if not getattr(recipe, name)}
    asked |= config.asked
    return [
        ShownSetting(name.replace("_", "-"), asked.get(name, value), resolved.get(name), words)
        for name, value, words in found
    ]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)
