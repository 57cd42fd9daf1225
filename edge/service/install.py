"""From the options of classify to a unit that can be installed."""

import os
import pwd
import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath

from edgetl.edge.actions.webhook_url import shown_webhook
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.service import needs
from edgetl.edge.service.checks import refusals
from edgetl.edge.service.options import ServiceOptions, UnitLocation
from edgetl.edge.service.systemd import Plan
from edgetl.edge.service.unit import Service, unit_text
from edgetl.edge.sinks.mqtt_url import PASSWORD_VARIABLE
from edgetl.edge.system.masking import masked, secrets_of

# The first systemd with RestartSteps=.
_GROWING_WAIT = 254


def planned(
    service: ServiceOptions, options: ClassifyOptions, *, systemd_version: int | None = None
) -> Plan:
    """What `edgetl service install` writes; nothing is written yet.

    `systemd_version` is that of the system it is for, None where that is not known.

    Raises:
        SettingError: no unit can be made of these options.
    """
    user = _user(service)
    given = needs.for_service(options, root=service.root)
    given = needs.with_whole_program(given, root=service.root)
    refused = refusals(
        service, given, user=user, programs=[Path(_program()[0]), Path(sys.executable)]
    )
    password = os.environ.get(PASSWORD_VARIABLE)
    if given.mqtt:
        url, own = needs.without_password(given.mqtt)
        given = replace(given, mqtt=url)
        password = own if own is not None else password
    secrets = needs.environment_line(PASSWORD_VARIABLE, password) if given.mqtt and password else ""
    unit = Service(
        command=[*_program(), "classify", *given.arguments()],
        user=user,
        memory_max=service.memory_max,
        devices=needs.devices(given),
        groups=needs.groups(given),
        writable=needs.folders_written(given),
        network=needs.uses_network(given),
        results_to_journal=given.on_change and not given.output,
        secrets=PurePosixPath("/etc/edgetl", f"{service.name}.env") if secrets else None,
        # The key that lets viewers in is kept there.
        state=PurePosixPath("/", service.state.relative_to(service.root))
        if given.preview
        else None,
        cache=PurePosixPath("/", service.cache.relative_to(service.root)),
        growing_wait=systemd_version is not None and systemd_version >= _GROWING_WAIT,
    )
    bare = replace(given, webhook=shown_webhook(given.webhook)) if given.webhook else given
    shown = [
        masked(word) if secrets_of(word) else word
        for word in [*_program(), "classify", *bare.arguments()]
    ]
    return Plan(
        service,
        unit_text(unit),
        unit_text(replace(unit, command=shown)),
        secrets,
        private=bool(given.webhook) or any(map(secrets_of, unit.command)),
        refused=refused,
    )


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
    number = _number(user, service)
    if user == "root" or set(user) == {"0"} or number == 0:
        raise SettingError("a camera needs no root: name who the service runs as: --run-as USER")
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
