"""The commands, a file each: it parses, calls one function and prints."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from typer.core import TyperGroup


class Commands(TyperGroup):
    """Commands whose modules are imported when they are run."""

    def __init__(
        self, *, name: str, package: str, summaries: Mapping[str, str], **details: Any
    ) -> None:
        """
        Args:
            name: as it is typed.
            package: the one whose modules are the commands; each has a COMMAND.
            summaries: of each command, what it does in a line.
            details: more for TyperGroup.
        """
        settings = {"help_option_names": ["-h", "--help"]}
        super().__init__(
            name=name,
            no_args_is_help=True,
            rich_markup_mode=None,
            context_settings=settings,
            **details,
        )
        self._package = package
        self._summaries = summaries

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self._summaries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self._summaries:
            return None
        command = import_module(f"{self._package}.{cmd_name}").COMMAND
        command.help = f"{self._summaries[cmd_name]}\n\n{command.help or ''}"
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self._summaries and not args[0].startswith("-"):
            near = get_close_matches(args[0], self._summaries, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)
