"""Options as fields: each stated once, with its type, bounds, help and the reason of its default.

A command's options are a frozen dataclass whose fields carry an `Option`:

    @dataclass(frozen=True)
    class ExportOptions(Options):
        max_drop: Annotated[float, Option("Points of accuracy a file may lose.", low=0)] = 1.0

The command line, configuration files, the checks of services and deployments, and the reference in
docs/ are derived from these fields. Nothing here imports more than the standard library.
"""

import math
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, MISSING, dataclass, fields
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin, get_type_hints

from edgetl.edge.errors import SettingError, quoted


@dataclass(frozen=True)
class Option:
    """What is known of a field besides its name, type and default.

    Attributes:
        help: one sentence. The default and its reason are added where help is shown.
        reason: why the default is what it is.
        unset: in words, what None, or False, stands for where that is the default.
        group: the heading that help shows it under.
        common: whether --help shows it; --help-all shows all.
        low, high, above, below: bounds of a number; the first two may be reached.
        argument: whether it is given without a name on the command line.
        names: on the command line, where they are not --the-field-s-name.
        metavar: what stands for its value in help.
        alone: the value of an option that is given without one.
        is_value: whether the text behind an option that may stand alone is its value.
        typed: whether it can be given on the command line, and not in files and Python only.
        parse: makes the value of text; the field's type is what it returns.
    """

    help: str
    _: KW_ONLY
    reason: str = ""
    unset: str = ""
    group: str = "Options"
    common: bool = True
    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    argument: bool = False
    names: tuple[str, ...] = ()
    metavar: str = ""
    alone: str | None = None
    is_value: Callable[[str], object] | None = None
    typed: bool = True
    parse: Callable[[str], Any] | None = None


@dataclass(frozen=True)
class Setting:
    """A field of a class of options, resolved.

    Attributes:
        name: in Python and in files.
        type: of one value: str, int, float, bool, Path or what `option.parse` returns.
        others: what one value may be besides, as `option.parse` returns it.
        choices: the values allowed, empty if any are.
        repeated: whether there are any number of values, as a tuple.
        default: None if it is required.
    """

    name: str
    type: Any
    choices: tuple[Any, ...]
    repeated: bool
    required: bool
    default: Any
    option: Option
    others: tuple[Any, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """Its names on the command line; of a switch that is on by default, the two of them."""
        if self.option.names:
            return self.option.names
        flag = f"--{self.name.replace('_', '-')}"
        return (f"{flag}/--no-{flag[2:]}",) if self.type is bool and self.default else (flag,)

    @property
    def shown_name(self) -> str:
        """Its name in messages: --the-option, or the argument's."""
        if self.option.argument:
            return self.option.metavar or self.name.upper()
        if not self.option.typed:
            return self.name
        return self.flags[0].partition("/")[0]

    @property
    def shown_default(self) -> str:
        """Its default in words, "" where there is none to show."""
        if self.option.unset and not self.default:
            return self.option.unset
        if self.default is None or self.default == () or self.required:
            return ""
        if isinstance(self.default, bool):
            return "on" if self.default else ""
        return f"{self.default:g}" if isinstance(self.default, float) else str(self.default)

    def spelled(self, value: Any) -> list[str]:
        """The command-line arguments that give it `value`."""
        if self.type is bool:
            on, _, off = self.flags[0].partition("/")
            return [on if value else off]
        values = value if self.repeated else (value,)
        return [str(v) if self.option.argument else f"{self.flags[0]}={v}" for v in values]

    @property
    def description(self) -> str:
        """Its help, with the default and its reason in brackets."""
        default = ": ".join(part for part in (self.shown_default, self.option.reason) if part)
        return f"{self.option.help} [{default}]" if default else self.option.help

    def check(self, value: Any) -> None:
        """See that `value` is allowed.

        Raises:
            SettingError: it is not; the message names the option and what is allowed.
        """
        if value is None and self.default is None and not self.required:
            return
        for one in value if self.repeated else (value,):
            self._check_one(one)

    def converted(self, value: Any) -> Any:
        """`value` as this option has it: paths may be text, and a list or one value a tuple."""
        if self.repeated:
            single = isinstance(value, str | Path) or not isinstance(value, Iterable)
            return tuple(map(self._converted_one, (value,) if single else value))
        return self._converted_one(value)

    def _converted_one(self, value: Any) -> Any:
        if self.option.parse and isinstance(value, str | int) and not isinstance(value, bool):
            return self.option.parse(str(value))
        if self.type is Path and isinstance(value, str):
            return self.path(value)
        return str(value) if self.type is str and isinstance(value, Path) else value

    def path(self, text: str) -> Path:
        """The path that `text` names.

        Raises:
            SettingError: it names nothing, as a shell variable that is not set does.
        """
        if not text:
            raise SettingError(f"{self.shown_name}: empty; name a file or folder, or leave it out")
        return Path(text)

    def _check_one(self, value: Any) -> None:
        if self.choices:
            if value not in self.choices:
                allowed = ", ".join(map(str, self.choices))
                raise SettingError(f"{self.shown_name} {value!r} is not one of {allowed}")
            return
        if value == "":
            raise SettingError(f"{self.shown_name}: empty; give it a value, or leave it out")
        if isinstance(value, self.others):
            return
        numeric = self.type in (int, float)
        fits = isinstance(value, (int, float) if self.type is float else self.type)
        if not fits or (numeric and isinstance(value, bool)):
            shown = quoted(repr(value))
            raise SettingError(f"{self.shown_name} {shown} is not {_named(self.type)}")
        if numeric and not self._in_bounds(value):
            raise SettingError(f"{self.shown_name} {value} is not {self.bounds}")

    def _in_bounds(self, value: float) -> bool:
        option = self.option
        return (
            value == value  # not NaN
            and (option.low is None or value >= option.low)
            and (option.high is None or value <= option.high)
            and (option.above is None or value > option.above)
            and (option.below is None or value < option.below)
        )

    @property
    def bounds(self) -> str:
        """The bounds of its number in words, "" without."""
        option = self.option
        if option.low is not None and option.high is not None:
            return f"between {option.low:.12g} and {option.high:.12g}"
        parts = (
            (option.low, "{:.12g} or more"),
            (option.above, "above {:g}"),
            (option.high, "at most {:.12g}"),
            (option.below, "finite" if option.below == math.inf else "below {:g}"),
        )
        return " and ".join(text.format(bound) for bound, text in parts if bound is not None)


class Options:
    """Base of the classes of options: their values are checked when one is made.

    Raises:
        SettingError: a value has the wrong type, or is out of bounds; the message names it.
    """

    def __post_init__(self) -> None:
        for setting in self.settings():
            # The class is frozen for everybody else.
            value = setting.converted(getattr(self, setting.name))
            object.__setattr__(self, setting.name, value)
            setting.check(value)

    @classmethod
    def settings(cls) -> tuple[Setting, ...]:
        """The options, in the order of their fields."""
        options: Any = cls
        return settings(options)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], *, where: str) -> Self:
        """Options by name, with underscores or dashes, as in a file; the rest have their defaults.

        `where` is the file, for messages.

        Raises:
            SettingError: a name is no option, or a value is not allowed.
        """
        return cls(**named_values((cls,), values, where=where))

    def arguments(self) -> list[str]:
        """The command-line arguments that give these options; defaults are left out."""
        named: list[str] = []
        positional: list[str] = []
        for setting in self.changed():
            arguments = positional if setting.option.argument else named
            arguments += setting.spelled(getattr(self, setting.name))
        return [*named, "--", *positional] if positional else named

    def changed(self) -> list[Setting]:
        """The options that do not have their default."""
        return [s for s in self.settings() if getattr(self, s.name) not in (None, s.default)]


def named_values(
    classes: tuple[Any, ...], values: Mapping[str, Any], *, where: str
) -> dict[str, Any]:
    """`values` by the names of the classes' fields; see `Options.from_mapping`."""
    known = {setting.name: setting for cls in classes for setting in settings(cls)}
    found = {}
    for given, value in values.items():
        name = given.replace("-", "_")
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0].replace('_', '-')}?" if near else ""
            raise SettingError(f"{where}: {given!r} is not an option{hint}")
        found[name] = known[name].converted(value)
    return found


@cache
def settings(cls: Any) -> tuple[Setting, ...]:
    """The options of a class, in the order of its fields; fields without an `Option` are none."""
    hints = get_type_hints(cls, include_extras=True)
    return tuple(
        _setting(field.name, hints[field.name], field.default)
        for field in fields(cls)
        if get_origin(hints[field.name]) is Annotated
    )


def _setting(name: str, hint: Any, default: Any) -> Setting:
    annotated, *notes = get_args(hint)
    (option,) = (note for note in notes if isinstance(note, Option))
    others: list[Any] = []
    if get_origin(annotated) in (Union, types.UnionType):
        annotated, *others = (part for part in get_args(annotated) if part is not type(None))
    repeated = get_origin(annotated) is tuple and get_args(annotated)[-1] is ...
    kind = get_args(annotated)[0] if repeated else annotated
    choices = get_args(kind) if get_origin(kind) is Literal else ()
    return Setting(
        name=name,
        type=type(choices[0]) if choices else kind,
        choices=choices,
        repeated=repeated,
        required=default is MISSING,
        default=None if default is MISSING else default,
        option=option,
        others=tuple(others),
    )


def _named(kind: Any) -> str:
    names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
    return names.get(kind, "a path" if kind is Path else kind.__name__)
