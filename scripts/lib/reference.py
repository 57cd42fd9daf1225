"""The pages of docs/reference, made from the commands and the classes of their options."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from edgetl.cli import app
from edgetl.command import Given
from edgetl.commands import module_name
from edgetl.edge.options import Option, Options, Setting, settings

NOTICE = "<!-- Written by scripts/reference: change the code, then run it. -->\n"
# Every command has these; they are described once.
SHARED = {"help", "help_all", "quiet", "verbose", "debug"}
KINDS = {str: "text", int: "whole number", float: "number", bool: "switch", Path: "path"}


@dataclass(frozen=True)
class Command:
    """A command that can be run.

    Attributes:
        name: as it is typed, e.g. "edgetl service install".
        context: Typer's, which holds the command.
        options: the classes that its options come from.
    """

    name: str
    context: typer.Context
    options: tuple[type, ...]


def pages() -> dict[str, str]:
    """The text of each page by its file's name."""
    found = commands()
    return {"cli.md": cli_page(found), "settings.md": settings_page(found)}


def commands() -> list[Command]:
    context = typer.Context(app, info_name="edgetl")
    return list(_commands(app, context, "edgetl.commands"))


def _commands(group: Any, parent: typer.Context, package: str) -> Iterator[Command]:
    for name in group.list_commands(parent):
        command = group.get_command(parent, name)
        context = typer.Context(command, info_name=name, parent=parent)
        if hasattr(command, "list_commands"):
            yield from _commands(command, context, f"{package}.{name}")
        else:
            module = module_name(name)
            function = getattr(import_module(f"{package}.{module}"), module)
            yield Command(context.command_path, context, _option_classes(function))


def _option_classes(function: Any) -> tuple[type, ...]:
    """The classes of options among the types of a function's parameters."""
    found = []
    for name, hint in get_type_hints(function, include_extras=True).items():
        notes = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        given = [note.options for note in notes if isinstance(note, Given)]
        if name != "return" and (given or (isinstance(hint, type) and is_dataclass(hint))):
            found += given or [hint]
    return tuple(found)


def records(command: Command, names: set[str] | None = None) -> Iterator[tuple[str, str, str]]:
    """Heading, spelling and help of each option, or of those with these names."""
    for parameter in command.context.command.get_params(command.context):
        shared = parameter.name in SHARED
        if shared if names is None else parameter.name not in names:
            continue
        parameter = copy(parameter)
        parameter.hidden = False  # type: ignore[attr-defined]
        record = parameter.get_help_record(command.context)
        if record is None:  # an argument without help
            record = (parameter.make_metavar(command.context), "")
        panel = getattr(parameter, "rich_help_panel", None) or "Options"
        heading = "Arguments" if parameter.param_type_name == "argument" else panel
        yield heading, *(" ".join(text.split()) for text in record)


def cli_page(found: list[Command]) -> str:
    lines = [NOTICE, "# Commands\n", "`edgetl COMMAND --help-all` prints the same.\n"]
    lines += [f"- [{c.name}](#{c.name.replace(' ', '-')})" for c in found]
    lines += ["\n## Options of every command\n"]
    lines += [_item(spelling, text) for _, spelling, text in records(found[0], SHARED)]
    for command in found:
        lines.append(f"\n## {command.name}\n")
        text = (command.context.command.help or "").strip()
        lines += [" ".join(paragraph.split()) + "\n" for paragraph in text.split("\n\n")]
        usage = command.context.command.collect_usage_pieces(command.context)
        lines.append(f"```text\n{' '.join([command.name, *usage])}\n```\n")
        lines.append(f"{command.context.command.epilog}\n".replace(": ", ": `", 1)[:-1] + "`")
        last = ""
        for heading, spelling, help_text in records(command):
            if heading != last:
                lines.append(f"\n**{heading}**\n")
            last = heading
            lines.append(_item(spelling, help_text))
    return "\n".join(lines) + "\n"


def _item(spelling: str, text: str) -> str:
    return f"- `{spelling}`: {text}" if text else f"- `{spelling}`"


def settings_page(found: list[Command]) -> str:
    users: dict[type, list[str]] = {}
    for command in found:
        for options in command.options:
            users.setdefault(options, []).append(command.name)
    lines = [
        NOTICE,
        "# Settings\n",
        "The classes of options: the names that Python and configuration files use, and the one\n"
        "place where each default and its reason are stated.",
    ]
    for options, names in users.items():
        lines.append(f"\n## {options.__name__}\n")
        of = ", ".join(f"`{name}`" for name in names)
        lines.append(f"`from {options.__module__} import {options.__name__}`; options of {of}.\n")
        lines += ["| name | value | default | what it does |", "|---|---|---|---|"]
        lines += [_row(setting) for setting in settings(options)]
    return "\n".join(lines) + "\n"


def _row(setting: Setting) -> str:
    option = setting.option
    choices = " or ".join(f"`{choice}`" for choice in setting.choices)
    value = choices or _kind(setting.type, option)
    value += f" {setting.bounds}" if setting.bounds else ""
    value += "".join(f" or {_kind(other, option)}" for other in setting.others)
    value += ", any number of them" if setting.repeated else ""
    default = "needed" if setting.required else setting.shown_default
    if option.reason:
        default += f": {option.reason}" if default else option.reason
    cells = (f"`{setting.name}`", value, default, option.help)
    escaped = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _kind(kind: Any, option: Option) -> str:
    if kind in KINDS:
        return KINDS[kind]
    return "text" if option.parse and not issubclass(kind, Options) else str(kind.__name__)
