"""From the options of a command to a unit that can be installed.

install(plan_service(ServiceOptions(), ClassifyOptions(camera=("0",), model=Path("m.tflite"))))
"""

import os
import pwd
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

from edgetl.edge.errors import EdgetlError, SettingError, quoted
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.serve.options import ServeOptions
from edgetl.edge.service.checks import Tried, check_persistent, check_rights, check_tree
from edgetl.edge.service.classify_job import classify_job
from edgetl.edge.service.job import Job
from edgetl.edge.service.options import ServiceOptions, UnitLocation
from edgetl.edge.service.serve_job import serve_job
from edgetl.edge.service.systemd import Plan, systemd_version
from edgetl.edge.service.unit import Service, unit_text

# The first systemd with RestartSteps=.
_GROWING_WAIT = 254


def plan_service(service: ServiceOptions, options: ClassifyOptions | ServeOptions) -> Plan:
    """What `edgetl service install` writes, and what the service would fail of.

    Nothing is written yet: `edge.service.systemd.install` does that.

    Raises:
        SettingError: no unit can be made of these options.
    """
    check_tree(service)
    # Of a file tree's systemd nothing is known.
    version = systemd_version() if service.running else None
    if isinstance(options, ServeOptions):
        job = serve_job(options, service)
    else:
        job = classify_job(options, service)
    user = _user(service)
    tried = Tried()
    allowed = tried(lambda: _allowed(user, service))
    unit = Service(
        description=job.description,
        command=[*_program(), *job.arguments],
        user=user,
        memory_max=service.memory_max,
        devices=job.devices,
        groups=job.groups,
        writable=job.folders,
        network=job.network,
        results_to_journal=job.results_to_journal,
        secrets=PurePosixPath("/etc/edgetl", f"{service.name}.env") if job.secrets else None,
        # The key that lets viewers in is kept there.
        state=PurePosixPath("/", service.state.relative_to(service.root))
        if job.keeps_key
        else None,
        cache=PurePosixPath("/", service.cache.relative_to(service.root)),
        growing_wait=version is not None and version >= _GROWING_WAIT,
    )
    return Plan(
        service,
        unit_text(unit),
        unit_text(replace(unit, command=[*_program(), *job.shown])),
        job.secrets,
        private=job.private,
        serves_page=job.keeps_key,
        refused=[*tried.refused, *job.refused, *_refused(service, job, allowed)],
    )


def _refused(location: UnitLocation, job: Job, user: str | None) -> list[EdgetlError]:
    """What a service of any command would fail of; `user` is None where that one is refused."""
    tried = Tried()
    # What else is wrong with a path says more of what was meant.
    tried(lambda: check_persistent(job.paths))
    if user and location.running and os.geteuid() == 0:
        runs = [Path(_program()[0]), Path(sys.executable), *job.runs]
        tried(lambda: check_rights(user, runs=runs, reads=job.reads, writes=job.writes))
    return tried.refused


def _program() -> list[str]:
    script = Path(sys.executable).parent / "edgetl"
    program = [str(script)] if script.is_file() else [sys.executable, "-P", "-m", "edgetl"]
    if any(char in "$\"'\\" or not char.isprintable() for char in program[0]):
        raise SettingError(
            f"{quoted(program[0])}: systemd runs no program with $, quotes or \\ in it"
        )
    return program


def _user(service: ServiceOptions) -> str:
    user = service.run_as or os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    if not user or not all(char.isalnum() or char in "_.-" for char in user) or user[0] in "-.":
        raise SettingError(f"--run-as {quoted(user)}: not a user's name")
    return user


def _allowed(user: str, service: UnitLocation) -> str:
    number = _number(user, service)
    if user == "root" or set(user) == {"0"} or number == 0:
        raise SettingError("a service needs no root: name who it runs as: --run-as USER")
    if service.running and number is None:
        raise SettingError(f"--run-as {quoted(user)}: no such user here")
    return user


def _number(user: str, location: UnitLocation) -> int | None:
    """The number that a file tree has for a user's name; None where it has no such user."""
    if location.running:
        try:
            return pwd.getpwnam(user).pw_uid
        except KeyError:
            return None
    try:
        text = (location.root / "etc/passwd").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    rows = (line.split(":") for line in text.splitlines())
    numbers = (row[2] for row in rows if row[0] == user and len(row) > 2)
    return next((int(number) for number in numbers if number.isdecimal()), None)
