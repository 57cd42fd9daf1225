"""The commands, a file each: it parses, calls one function and prints."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Any

from typer.core import TyperGroup

from edgetl.command import help_all_option, usage_errors_in_one_line
from edgetl.edge.errors import SettingError, quoted


class Commands(TyperGroup):
    """Commands whose modules are imported when they are run."""

    def __init__(
        self,
        *,
        name: str,
        package: str,
        summaries: Mapping[str, str],
        default: str | None = None,
        params: Sequence[Any] = (),
        **details: Any,
    ) -> None:
        """
        Args:
            package: the one whose modules are the commands; each has a COMMAND.
            summaries: of each command, what it does in a line. A command may be two words, as
                "install serve" beside "install"; its module is install_serve.
            default: the command that runs where none is typed.
            params: options of the group itself, besides those that show help.
            details: more for Typer's group.
        """
        super().__init__(
            name=name,
            no_args_is_help=default is None,
            rich_markup_mode=None,
            context_settings={"help_option_names": ["-h", "--help"]},
            params=[*params, help_all_option()],
            **details,
        )
        self._package = package
        self._summaries = summaries
        self._default = default

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self._summaries)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self._summaries:
            return None
        command = import_module(f"{self._package}.{module_name(cmd_name)}").COMMAND
        summary = self._summaries[cmd_name]
        if not (command.help or "").startswith(summary):  # as it was looked up before
            command.help = f"{summary}\n\n{command.help or ''}"
        return command

    def get_help_option(self, ctx: Any) -> Any:
        # Typer takes the names from a set, whose order changes from run to run.
        if (option := super().get_help_option(ctx)) is not None:
            option.opts = [name for name in ctx.help_option_names if name in option.opts]
        return option

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        # The second word of a command is completed behind the first.
        words = incomplete.count(" ")
        found = super().shell_complete(ctx, incomplete)
        return [one for one in found if one.value.count(" ") <= words]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # While a shell completes its name, no other command is meant.
        default = self._default if args or not ctx.resilient_parsing else None
        if default and (not args or args[0].startswith("-")):
            asks_for_help = args and args[0] in (*ctx.help_option_names, "--help-all")
            args = args if asks_for_help else [default, *args]
        if not args:  # for which there is help
            return super().parse_args(ctx, args)
        with usage_errors_in_one_line(ctx):
            return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if (both := " ".join(args[:2])) in self._summaries:
            args = [both, *args[2:]]
        if args and args[0] not in self._summaries and not args[0].startswith("-"):
            near = get_close_matches(args[0], self._summaries, 1)
            hint = f"did you mean {near[0]}?" if near else f"see: {ctx.command_path} --help"
            raise SettingError(f"no such command {quoted(args[0])}; {hint}")
        return super().resolve_command(ctx, args)


def module_name(command: str) -> str:
    """Of a command's module, and of the function in it."""
    return command.replace(" ", "_")
