"""The pages of docs/reference, of a class of options made for the test."""

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from edgetl.cli import app
from edgetl.command import command
from edgetl.edge.options import Option, Options, settings


@dataclass(frozen=True)
class KiteOptions(Options):
    colour: Annotated[
        Literal["red", "blue"], Option("What it is painted with | all of it.", reason="seen far")
    ] = "red"
    length: Annotated[
        float, Option("Of its line, in metres.", low=1, above=None, group="Line", common=False)
    ] = 30.0


def fly(options: KiteOptions) -> None:
    """It needs wind."""


def test_an_option_of_a_class_is_on_both_pages() -> None:
    from lib.reference import Command, cli_page, settings_page

    made = command(fly, epilog="Example: edgetl fly --colour blue")
    context = typer.Context(made, info_name="fly", parent=typer.Context(app, info_name="edgetl"))
    found = [Command("edgetl fly", context, (KiteOptions,))]
    page = cli_page(found)
    assert "Example: `edgetl fly --colour blue`" in page
    assert "- `--colour red|blue`: What it is painted with | all of it. [red: seen far]" in page
    assert "**Line**" in page
    assert "--length" in page
    # --help still shows the common ones only.
    assert "--length" not in context.get_help()
    table = settings_page(found)
    assert "| `colour` | `red` or `blue` | red: seen far |" in table
    assert r"painted with \| all of it." in table
    assert "| `length` | number 1 or more | 30 | Of its line, in metres. |" in table
    assert "options of `edgetl fly`" in table


def test_an_option_that_several_commands_have_has_one_default() -> None:
    from lib.reference import commands

    defaults: dict[int, dict[str, object]] = {}
    classes = {options for each in commands() for options in each.options}
    for options in classes:
        for setting in settings(options):
            defaults.setdefault(id(setting.option), {})[options.__name__] = setting.default
    several = [found for found in defaults.values() if len(found) > 1]
    assert len(several) > 20
    differing = [found for found in several if len(set(map(repr, found.values()))) > 1]
    # A service of serve has another name than one of classify.
    assert [sorted(map(str, set(found.values()))) for found in differing] == [
        ["edgetl", "edgetl-serve"]
    ]


def test_commands_of_a_group_are_found_and_their_classes_of_options() -> None:
    from lib.reference import commands

    found = {command.name: command for command in commands()}
    assert {"edgetl train", "edgetl service install", "edgetl service install serve"} <= set(found)
    assert all(issubclass(c, Options) for each in found.values() for c in each.options)
