"""From classes of options to commands: what Typer needs to know is derived from their fields."""

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand, TyperOption

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.options import Options, Setting, settings
from edgetl.edge.system.messages import show_messages
from edgetl.optional_value import with_value

# Typer's name for it is private, and another one in each of its versions.
_UsageError: Any = typer.BadParameter.__bases__[0]
_Cls = TypeVar("_Cls", bound=Options)

# Of messages on stderr; results are on stdout.
LEVELS = (
    ("quiet", "warning", "Show warnings and errors only."),
    ("verbose", "debug", "Show details as well."),
    ("debug", "all", "Show details, tracebacks and native libraries' logs."),
)
# What stands for a value in help, where an option does not say.
_METAVARS: dict[Any, str] = {int: "N", float: "N", Path: "FILE", str: "TEXT"}
# In a context: whether anything was typed behind the command.
_TYPED = "edgetl.typed"

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class Given:
    """Note on a parameter: it takes those of the options that were typed, by name, as a dict.

    `complete` says whether those that have no default must be typed.
    """

    options: type
    complete: bool = False


@dataclass(frozen=True)
class Uncommon:
    """Note on a parameter: its options are in --help-all only, and its arguments are left out."""


@contextmanager
def usage_errors_in_one_line(context: Any) -> Iterator[None]:
    """Raise what Typer finds wrong with the arguments of a command as a SettingError."""
    try:
        yield
    except _UsageError as error:
        name = getattr(error, "option_name", "")
        if name and hasattr(error, "possibilities"):
            options = (p for p in context.command.get_params(context) if hasattr(p, "hidden"))
            flags = (f for p in options if p.param_type_name == "option" for f in p.opts)
            known = {flag.strip("-"): flag for flag in flags}
            near = get_close_matches(name.strip("-"), known, 1)
            words = f"no such option {quoted(name)}"
            if near:
                raise SettingError(f"{words}; did you mean {known[near[0]]}?") from error
        else:
            words = " ".join(error.format_message().split()).removesuffix(".")
            words = words[:1].lower() + words[1:]
        raise SettingError(f"{words}; see: {context.command_path} --help") from error


class OptionsCommand(TyperCommand):
    """A command whose help shows its common options by heading, and with --help-all all of them."""

    alone: tuple[tuple[str, str, Callable[[str], object]], ...] = ()

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.meta[_TYPED] = bool(args)
        for flag, value, is_value in self.alone:
            # Most runs do without, and is_value may be slow to import.
            if flag in args:
                args = with_value(args, flag, value, is_value=is_value)
        with usage_errors_in_one_line(ctx):
            if not ctx.resilient_parsing:
                self._refuse_repeated(ctx, args)
            return super().parse_args(ctx, args)

    def _refuse_repeated(self, ctx: Any, args: list[str]) -> None:
        """Refuse an option that is given again and takes one value: click would take the last.

        Raises:
            SettingError: one is.
        """
        _, _, typed = self.make_parser(ctx).parse_args(list(args))
        for parameter, count in Counter(typed).items():
            # Those that show help, or say which messages are shown, end or change nothing.
            option = parameter.param_type_name == "option" and not parameter.is_eager
            if option and count > 1 and not parameter.multiple:
                flags = "/".join((*parameter.opts[:1], *parameter.secondary_opts[:1]))
                times = "twice" if count == 2 else f"{count} times"
                raise SettingError(f"{flags} is given {times}; give it once")

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        # What help leaves out is completed all the same.
        for parameter in self.params:
            parameter.hidden = False  # type: ignore[attr-defined]
        found = super().shell_complete(ctx, incomplete)
        if ctx.parent and not ctx.meta[_TYPED]:
            # "serve" behind "install", where there is a command "install serve".
            first = f"{ctx.info_name} "
            for one in ctx.parent.command.shell_complete(ctx.parent, first + incomplete):
                one.value = one.value.removeprefix(first)
                found.append(one)
        return found

    def format_options(self, ctx: Any, formatter: Any) -> None:
        shown = [(p, record) for p in self.get_params(ctx) if (record := p.get_help_record(ctx))]
        headings = dict.fromkeys(_heading(parameter) for parameter, _ in shown)
        for heading in headings:
            with formatter.section(heading):
                formatter.write_dl([record for p, record in shown if _heading(p) == heading])


def command(function: Callable[..., Any], *, epilog: str, **details: Any) -> TyperCommand:
    """The command that calls `function` with what was typed.

    Args:
        function: its parameters become options. One whose type is a class of options
            (`edgetl.edge.options`) becomes those; one noted `Given` takes the typed ones as a dict.
            Its name is the command's, and its docstring what --help says below the summary.
        details: more for typer.Typer.command.
    """
    parameters = list(_parameters(function))
    # An option that two classes have is typed once, for both.
    expanded = list({p.name: p for one in parameters for p in one.expanded}.values())

    def call(**values: Any) -> Any:
        return function(**{p.plain.name: p.value(values) for p in parameters})

    call.__signature__ = inspect.Signature(expanded)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in expanded}
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    details = {"context_settings": {}, **details}
    details["context_settings"] |= {"help_option_names": ["-h", "--help"]}
    call.__doc__ = function.__doc__
    app.command(function.__name__, cls=OptionsCommand, epilog=epilog, **details)(call)
    made: Any = typer.main.get_command(app)
    made.params += [help_all_option(), *message_options(hidden=True)]
    made.alone = tuple(
        (setting.flags[0], setting.option.alone, setting.option.is_value)
        for parameter in parameters
        for setting in parameter.settings
        if setting.option.alone is not None
    )
    return made  # type: ignore[no-any-return]


def options_from_arguments(
    cls: type[_Cls], arguments: Sequence[str], *, name: str = "edgetl"
) -> _Cls:
    """Options of a class from arguments, as a command that has them takes them.

    `name` is whose arguments they are, for messages.

    Raises:
        SettingError: an option is unknown, or a value is not allowed.
    """

    def made(options: _Cls) -> _Cls:
        return options

    made.__annotations__ = {"options": cls}
    parser: Any = command(made, epilog="")
    given: _Cls = parser.main(list(arguments), prog_name=name, standalone_mode=False)
    return given


@dataclass(frozen=True)
class _Parameter:
    """A parameter of a command's function.

    `options` is the class of options that it is made of, None for a plain parameter. If `given`
    it takes only what was typed; if `uncommon`, its options are in --help-all only.
    """

    plain: inspect.Parameter
    options: type | None
    given: Given | None
    uncommon: bool

    @property
    def settings(self) -> tuple[Setting, ...]:
        known = settings(self.options) if self.options else ()
        return tuple(
            s for s in known if s.option.typed and not (self.uncommon and s.option.argument)
        )

    @property
    def expanded(self) -> list[inspect.Parameter]:
        if self.options is None:
            return [self.plain]
        return [
            _typer_parameter(setting, needed=self._needs(setting), uncommon=self.uncommon)
            for setting in self.settings
        ]

    def _needs(self, setting: Setting) -> bool:
        return setting.required and (self.given is None or self.given.complete)

    def value(self, values: dict[str, Any]) -> Any:
        if self.options is None:
            return values[self.plain.name]
        found = {
            s.name: values[s.name]
            for s in self.settings
            if self._needs(s) or values[s.name] is not None
        }
        return found if self.given else self.options(**found)


def _parameters(function: Callable[..., Any]) -> Iterator[_Parameter]:
    hints = get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints[name]
        plain = parameter.replace(annotation=hint, kind=inspect.Parameter.KEYWORD_ONLY)
        kind, *notes = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        given = next((note for note in notes if isinstance(note, Given)), None)
        options: Any = given.options if given else kind if is_dataclass(kind) else None
        uncommon = any(isinstance(note, Uncommon) for note in notes)
        yield _Parameter(plain, options, given, uncommon)


def _typer_parameter(setting: Setting, *, needed: bool, uncommon: bool) -> inspect.Parameter:
    # Bounds and choices are checked when the options are made, in the same words everywhere.
    option = setting.option
    shown: dict[str, Any] = {
        "help": setting.description,
        "metavar": option.metavar
        or "|".join(map(str, setting.choices))
        or _METAVARS.get(setting.type),
        "rich_help_panel": option.group,
        "hidden": uncommon or not option.common,
        "show_default": False,
        "parser": option.parse or _parser(setting),
    }
    if setting.choices:
        shown["autocompletion"] = lambda: list(setting.choices)
    flags = () if option.argument else setting.flags
    noted: Any = (typer.Argument if option.argument else typer.Option)(*flags, **shown)
    kind: Any = str if option.parse else setting.type
    annotation = list[kind] if setting.repeated else kind
    return inspect.Parameter(
        setting.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=inspect.Parameter.empty if needed else None,
        annotation=Annotated[annotation if needed else annotation | None, noted],
    )


def _parser(setting: Setting) -> Callable[[str], Any] | None:
    """What refuses text in our own words, and not in Typer's: "is not a whole number", "empty"."""
    if setting.type is Path:
        return setting.path
    if setting.type not in (int, float):
        return None

    def parse(text: str) -> Any:
        try:
            return setting.type(text)
        except ValueError:
            setting.check(text)
            raise

    return parse


def _heading(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return "Arguments"
    return parameter.rich_help_panel or "Options"


def help_all_option() -> TyperOption:
    """The option --help-all."""
    text = "Show every option, and the reason of its default."
    return eager_flag("help-all", text, _show_all_options)


def message_options(*, hidden: bool) -> list[TyperOption]:
    """The options that say which messages are shown on stderr."""
    details = {"hidden": hidden, "rich_help_panel": "Messages"}
    return [eager_flag(name, text, partial(_set_level, at), **details) for name, at, text in LEVELS]


def eager_flag(name: str, text: str, callback: Callable[..., None], **details: Any) -> TyperOption:
    """A switch --NAME that acts when it is read, and is no parameter of the command.

    `callback` is given the context, the parameter, and whether the switch was typed.
    """
    return TyperOption(
        param_decls=[f"--{name}"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=callback,
        help=text,
        **details,
    )


def _show_all_options(context: typer.Context, _: Any, wanted: bool) -> None:
    if wanted:
        left_out: list[Any] = [
            p for p in context.command.get_params(context) if getattr(p, "hidden", False)
        ]
        for parameter in left_out:
            parameter.hidden = False
        print(context.get_help())
        for parameter in left_out:  # --help of the same process leaves them out
            parameter.hidden = True
        raise typer.Exit


def _set_level(level: str, context: typer.Context, _: Any, wanted: bool) -> None:
    if wanted:
        show_messages(level)
