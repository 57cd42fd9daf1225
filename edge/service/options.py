"""The options of `edgetl service`. Importing them loads nothing heavy."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.options import Option, Options

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# classify takes about 110 MB (measured with int8 at 160x160); systemd counts in 64 bits.
_MEMORY_LOW, _MEMORY_HIGH = 2**26, 2**64 - 1


# What `service` means without --name.
USUAL_NAME = "edgetl"

_NameOption: TypeAlias = Annotated[str, Option("Name of the service.", metavar="NAME")]


@dataclass(frozen=True)
class ServiceName(Options):
    """Which service of this machine.

    Raises:
        SettingError: systemd takes no such name.
    """

    name: _NameOption = USUAL_NAME

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", self.name):
            raise SettingError(f"--name {quoted(self.name)}: letters, digits, - and _ make a name")

    def command(self, verb: str) -> str:
        """`edgetl service VERB` of this service, as it is typed."""
        name = "" if self.name == USUAL_NAME else f" --name {self.name}"
        return f"edgetl service {verb}{name}"


@dataclass(frozen=True)
class UnitLocation(ServiceName):
    """Where the files of a service are: on this machine, or in another system's file tree."""

    root: Annotated[
        Path,
        Option(
            "Another system's file tree, as an SD card's.", reason="this system's", metavar="DIR"
        ),
    ] = Path("/")

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "root", self.root.absolute())

    @property
    def unit(self) -> Path:
        return self.root / "etc/systemd/system" / f"{self.name}.service"

    @property
    def enabled(self) -> Path:
        """The link that starts it at a boot."""
        return self.unit.parent / "multi-user.target.wants" / self.unit.name

    @property
    def secrets(self) -> Path:
        return self.root / "etc/edgetl" / f"{self.name}.env"

    @property
    def state(self) -> Path:
        """What a service keeps for its next start; systemd makes it."""
        return self.root / "var/lib/edgetl" / self.name

    @property
    def cache(self) -> Path:
        """Where a service remembers the model it has tried; systemd makes it."""
        return self.root / "var/cache/edgetl" / self.name

    @property
    def running(self) -> bool:
        """Whether it is this machine's own file tree."""
        return self.root == Path("/")


@dataclass(frozen=True)
class ServiceOptions(UnitLocation):
    """How a command runs as a service.

    Raises:
        SettingError: systemd would not take a value, or the command not run with it.
    """

    run_as: Annotated[
        str | None, Option("Whose rights it has.", unset="who typed sudo", metavar="USER")
    ] = None
    memory_max: Annotated[
        str,
        Option(
            "Memory that ends the service when exceeded.",
            reason="ten times what it needs",
            metavar="SIZE",
        ),
    ] = "1G"

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_memory(self.memory_max)


@dataclass(frozen=True)
class InstallOptions(Options):
    """How a service is installed."""

    dry_run: Annotated[bool, Option("Print the unit, and what would be refused.")] = False
    yes: Annotated[bool, Option("Do not ask.", names=("--yes", "-y"))] = False


@dataclass(frozen=True)
class LogsOptions(ServiceName):
    """What `edgetl service logs` shows."""

    follow: Annotated[bool, Option("Go on as they come.", names=("--follow", "-f"))] = False
    lines: Annotated[int, Option("The newest only.", names=("--lines", "-n"), low=1)] = 50


@dataclass(frozen=True)
class ServeServiceOptions(ServiceOptions):
    """How `edgetl serve` runs as a service: beside one that classifies, by another name."""

    name: _NameOption = f"{USUAL_NAME}-serve"


def _check_memory(text: str) -> None:
    """Check that systemd takes `text` as a limit: what it cannot read it leaves out."""
    found = re.fullmatch(r"(\d{1,20})([KMGT%]?)", text, re.ASCII)
    if not found:
        raise SettingError(f"--memory-max {quoted(text)}: give it like 512M, 1G or 50%")
    number, unit = int(found[1]), found[2]
    if unit == "%":
        if not 1 <= number <= 100:
            raise SettingError(f"--memory-max {text}: give from 1% to 100% of the memory")
    elif number * _UNITS[unit] < _MEMORY_LOW:
        raise SettingError(
            f"--memory-max {text}: it takes about 110 MB; give more, like 512M, 1G or 50%"
        )
    elif number * _UNITS[unit] > _MEMORY_HIGH:
        raise SettingError(f"--memory-max {text}: more than any memory; give it like 512M or 1G")
