"""The options of `edgetl deploy`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.options import Option, Options
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.serve.options import ServeOptions
from edgetl.edge.service.options import ServiceOptions
from edgetl.edge.system.files import why_no_file


@dataclass(frozen=True)
class ClassifyService(ServiceOptions, ClassifyOptions):
    """A service of `edgetl classify`: the options of `edgetl service install`."""


@dataclass(frozen=True)
class ServeService(ServiceOptions, ServeOptions):
    """A service of `edgetl serve`: the options of `edgetl service install serve`."""


DeployedService: TypeAlias = ClassifyService | ServeService

# Options of a service that the role gives, and its variable for each.
_FROM_ROLE = {"model": "", "name": "edgetl_service_name", "runtime": "edgetl_runtime"}


@dataclass(frozen=True)
class DeployOptions(Options):
    """A model, the devices that get it, and how.

    Raises:
        SettingError: a value is not allowed, or the file of `package` is missing.
    """

    model: Annotated[
        Path,
        Option("A run with exports, or a .tflite file.", argument=True, metavar="RUN|MODEL"),
    ]
    hosts: Annotated[
        tuple[str, ...],
        Option(
            "[USER@]HOST[:PORT], or a name in the inventory.",
            unset="all of the inventory",
            argument=True,
            metavar="HOST...",
        ),
    ] = ()
    inventory: Annotated[
        Path | None, Option("Ansible's, with hosts and their variables.", metavar="FILE")
    ] = None
    package: Annotated[
        str | None, Option("A wheel, or what pip takes.", unset="this version", metavar="WHAT")
    ] = None
    max_ms: Annotated[
        float | None,
        Option(
            "A slower test inference rolls the model back.", unset="no limit", metavar="MS", low=0
        ),
    ] = None
    service: Annotated[
        DeployedService | None,
        Option(
            "Run as a service with these: '--camera 0', or 'serve'.",
            unset="no service",
            metavar="OPTIONS",
            parse=str,  # the command makes options of it
        ),
    ] = None
    ask_become_pass: Annotated[bool, Option("Ask for sudo's password there.")] = False
    dry_run: Annotated[bool, Option("Change nothing; show what would.")] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        wheel = self.package if self.package and self.package.endswith(".whl") else None
        if wheel and (why := why_no_file(wheel)):
            raise SettingError(f"--package {quoted(wheel)}: {why}")
        for setting in self.service.changed() if self.service else ():
            if setting.name in _FROM_ROLE:
                variable = _FROM_ROLE[setting.name]
                raise SettingError(
                    f"--service: {setting.shown_name} is given by the deployment itself; leave it "
                    f"out{f'; {variable} in an inventory changes it' if variable else ''}"
                )

    @property
    def service_arguments(self) -> list[str] | None:
        """`service` as arguments of `edgetl service install`; None for no service."""
        if self.service is None:
            return None
        command = ["serve"] if isinstance(self.service, ServeService) else []
        return [*command, *self.service.arguments()]
