"""From classify's options to a unit that can be installed."""

import os
import pwd
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.service import options as options_
from edgetl.edge.service import systemd
from edgetl.edge.service.unit import Service, unit_text
from edgetl.edge.sinks.mqtt_url import PASSWORD_VARIABLE
from edgetl.edge.system.extras import need_extra

# The first systemd with RestartSteps=.
_GROWING_WAIT = 254

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
# classify takes about 110 MB (measured with int8 at 160x160); systemd counts in 64 bits.
_LEAST_MEMORY, _MOST_MEMORY = 2**26, 2**64 - 1


@dataclass(frozen=True)
class Plan:
    """A unit, and what goes with it, for a place."""

    place: systemd.Place
    text: str
    secrets: str
    private: bool

    @property
    def installed(self) -> bool:
        return systemd.is_installed(
            self.place, self.text, secrets=self.secrets, private=self.private
        )

    def install(self) -> bool:
        """See `systemd.install`."""
        return systemd.install(self.place, self.text, secrets=self.secrets, private=self.private)


def planned(
    place: systemd.Place,
    options: Mapping[str, Any],
    *,
    spelled: Callable[[dict[str, Any]], list[str]],
    sinks: options_.MakeSinks,
    run_as: str | None = None,
    memory_max: str = "1G",
    systemd_version: int | None = None,
) -> Plan:
    """What `edgetl service install` writes; nothing is written yet.

    Args:
        options: classify's, by its names for them.
        spelled: makes arguments of classify of them.
        sinks: makes classify's sinks of them and a model's labels.
        run_as: whose rights the service has; else of whoever typed sudo.
        memory_max: as systemd.resource-control(5) has it.
        systemd_version: of the system it is for; None where that is not known.

    Raises:
        SettingError, ModelFileError: an option does not fit.
        MissingExtraError: one needs a package that is not installed here.
    """
    user = _user(run_as, place)
    _check_memory(memory_max)
    given = options_.placed(options, root=place.root, sinks=sinks)
    password = os.environ.get(PASSWORD_VARIABLE)
    if given["mqtt"]:
        given["mqtt"], own = options_.without_password(given["mqtt"])
        password = own if own is not None else password
    secrets = (
        options_.environment_line(PASSWORD_VARIABLE, password) if given["mqtt"] and password else ""
    )
    if place.running:
        check_extras(given)
    if place.running and os.geteuid() == 0:
        check_rights(
            user,
            runs=[Path(_program()[0]), Path(sys.executable)],
            reads=[given[name] for name in ("model", "labels") if given[name]],
            writes=[
                *map(Path, options_.folders_written(given)),
                *([given["output"]] if given["output"] else []),
            ],
        )
    seen = options_.devices(given)
    text = unit_text(
        Service(
            command=[*_program(), "classify", *spelled(given)],
            user=user,
            memory_max=memory_max,
            devices=seen,
            writable=options_.folders_written(given),
            network=options_.uses_network(given),
            netlink="char-media" in seen,
            results_to_journal=given["on_change"] and not given["output"],
            secrets=PurePosixPath("/etc/edgetl", f"{place.name}.env") if secrets else None,
            # The key that lets viewers in is kept there.
            state=PurePosixPath("/", place.state.relative_to(place.root))
            if given["preview"]
            else None,
            growing_wait=systemd_version is not None and systemd_version >= _GROWING_WAIT,
        )
    )
    return Plan(place, text, secrets, options_.has_password(given["camera"]))


def check_extras(options: Mapping[str, Any]) -> None:
    """See that the packages are here which an option of classify's needs.

    Raises:
        MissingExtraError: one is not.
    """
    for option in ("mqtt", "preview"):  # which their extras are named after
        if options[option]:
            need_extra(option, needs=f"--{option}")


def check_rights(
    user: str, *, runs: Sequence[Path], reads: Sequence[Path], writes: Sequence[Path]
) -> None:
    """See that a user may do what their service does; only root can tell.

    Raises:
        SettingError: something is out of reach: a service would fail at every start.
    """
    for path in runs:
        if not _may(user, "-x", path):
            raise SettingError(
                f"{quoted(path)}: {user} may not run it; install edgetl where {user} may, or name "
                f"another user: --run-as USER"
            )
    for path in reads:
        if not _may(user, "-r", path):
            raise SettingError(
                f"{quoted(path)}: {user} may not read it; put it where {user} may, or name another "
                f"user: --run-as USER"
            )
    for path in writes:
        rights = ("-w", "-x") if path.is_dir() else ("-w",)
        if path.exists() and not all(_may(user, right, path) for right in rights):
            raise SettingError(
                f"{quoted(path)}: {user} may not write there; "
                f"type: sudo chown {user} {quoted(path)}"
            )


def _may(user: str, right: str, path: Path) -> bool:
    """Whether test(1), run by `user`, finds a right to a path."""
    known = pwd.getpwnam(user)
    done = subprocess.run(
        ["test", right, path],
        user=known.pw_uid,
        group=known.pw_gid,
        extra_groups=os.getgrouplist(user, known.pw_gid),
        cwd="/",
        check=False,
    )
    return done.returncode == 0


def _check_memory(text: str) -> None:
    """See that systemd takes `text` for a limit: what it cannot read it leaves out."""
    found = re.fullmatch(r"(\d{1,20})([KMGT%]?)", text, re.ASCII)
    if not found:
        raise SettingError(f"--memory-max {quoted(text)}: give it like 512M, 1G or 50%")
    number, unit = int(found[1]), found[2]
    if unit == "%":
        if not 1 <= number <= 100:
            raise SettingError(f"--memory-max {text}: give from 1% to 100% of the memory")
    elif number * _UNITS[unit] < _LEAST_MEMORY:
        raise SettingError(
            f"--memory-max {text}: classify takes about 110 MB; give more, like 512M, 1G or 50%"
        )
    elif number * _UNITS[unit] > _MOST_MEMORY:
        raise SettingError(f"--memory-max {text}: more than any memory; give it like 512M or 1G")


def _program() -> list[str]:
    script = Path(sys.executable).parent / "edgetl"
    program = [str(script)] if script.is_file() else [sys.executable, "-P", "-m", "edgetl"]
    if any(char in "$\"'\\" or not char.isprintable() for char in program[0]):
        raise SettingError(
            f"{quoted(program[0])}: systemd runs no program with $, quotes or \\ in it"
        )
    return program


def _user(name: str | None, place: systemd.Place) -> str:
    user = name or os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name
    if not user or not all(char.isalnum() or char in "_.-" for char in user) or user[0] in "-.":
        raise SettingError(f"--run-as {quoted(user)}: not a user's name")
    number = _number(user, place)
    if user == "root" or set(user) == {"0"} or number == 0:
        raise SettingError("a camera needs no root: name who the service runs as: --run-as USER")
    if place.running and number is None:
        raise SettingError(f"--run-as {quoted(user)}: no such user here")
    return user


def _number(user: str, place: systemd.Place) -> int | None:
    """The number that a file tree has for a user's name; None where it has no such user."""
    if place.running:
        try:
            return pwd.getpwnam(user).pw_uid
        except KeyError:
            return None
    try:
        text = (place.root / "etc/passwd").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    rows = (line.split(":") for line in text.splitlines())
    numbers = (row[2] for row in rows if row[0] == user and len(row) > 2)
    return next((int(number) for number in numbers if number.isdecimal()), None)
