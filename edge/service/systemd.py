"""Installing a unit, and asking systemd about it."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.errors import EdgetlError, quoted, reason
from edgetl.edge.service.options import UnitLocation
from edgetl.edge.service.unit import MARK
from edgetl.edge.system.files import write_text

_FACTS = ("LoadState", "ActiveState", "SubState", "StatusText", "UnitFileState", "Result")
_NUMBERS = ("NRestarts", "MainPID", "MemoryCurrent")


class ServiceError(EdgetlError):
    """Something that systemd, or the file system, would not do."""


@dataclass(frozen=True)
class Plan:
    """A unit, and what goes with it.

    `shown` is its text as it may be shown, without the secrets of URLs. `secrets` are
    lines that only root may read, as it may the unit where it is `private`. `serves_page` says
    whether the service has a page; `refused` is what it would fail of.
    """

    location: UnitLocation
    text: str
    shown: str
    secrets: str
    private: bool
    serves_page: bool
    refused: list[EdgetlError]

    def check(self) -> None:
        """See that the service would not fail.

        Raises:
            EdgetlError: it would; this is the first reason.
        """
        if self.refused:
            raise self.refused[0]

    @property
    def files(self) -> dict[Path, tuple[str, int]]:
        """What belongs where, and its mode."""
        unit = {self.location.unit: (self.text, 0o600 if self.private else 0o644)}
        secrets = {self.location.secrets: (self.secrets, 0o600)} if self.secrets else {}
        return secrets | unit


def install(plan: Plan) -> bool:
    """Write, enable and (re)start a service; in another system's tree, only write and enable it.

    False where it is all there already, and nothing was done.

    Raises:
        ServiceError: it could not be written or started, or the name is another service's.
        EdgetlError: the service would fail; nothing is written.
    """
    plan.check()
    location = plan.location
    if is_installed(plan):
        return False
    try:
        for path, (content, mode) in plan.files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, content, mode=mode)
        if not plan.secrets:
            _forget(location.secrets)
    except OSError as error:
        raise ServiceError(f"{quoted(location.unit)}: {reason(error)}; try with sudo") from error
    if location.running:
        systemctl(location, "daemon-reload")
    systemctl(location, "enable", f"{location.name}.service")
    if location.running:
        # It is ready with its first picture; that may be long after.
        systemctl(location, "restart", "--no-block", f"{location.name}.service")
    return True


def is_installed(plan: Plan) -> bool:
    """Whether `install` would find it all there.

    Raises:
        ServiceError: the name is another service's, or its files cannot be read.
    """
    _check_ours(plan.location)
    stale = plan.location.secrets.exists() and not plan.secrets
    # Written and not enabled: an install that was cut short.
    return (
        plan.location.enabled.is_symlink()
        and not stale
        and all(_is(path, *content) for path, content in plan.files.items())
    )


def uninstall(location: UnitLocation) -> bool:
    """Stop, disable and remove a service. False where there is none.

    Raises:
        ServiceError: the name is another service's, or it cannot be removed.
    """
    if not location.unit.exists():
        return False
    _check_ours(location)
    now = ["--now"] if location.running else []
    systemctl(location, "disable", *now, f"{location.name}.service")
    try:
        # The unit last: while it is there, what failed can be tried again.
        _forget(location.secrets)
        _forget(location.state)
        _forget(location.cache)
        location.unit.unlink()
    except OSError as error:
        raise ServiceError(f"{quoted(location.unit)}: {reason(error)}; try with sudo") from error
    if location.running:
        systemctl(location, "daemon-reload")
        # One that had to be killed has failed, and would be listed until the next boot.
        with suppress(ServiceError):
            systemctl(location, "reset-failed", f"{location.name}.service")
    return True


def status(location: UnitLocation) -> dict[str, str | int | None]:
    """What systemd knows of a service, by systemd's names for it (systemctl show).

    Raises:
        ServiceError: systemd does not say.
    """
    names = ",".join((*_FACTS, *_NUMBERS))
    shown = systemctl(location, "show", f"--property={names}", f"{location.name}.service")
    found = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    numbers = {name: found.get(name, "") for name in _NUMBERS}
    return {name: found.get(name, "") for name in _FACTS} | {
        name: int(text) if text.isdecimal() else None for name, text in numbers.items()
    }


def described(location: UnitLocation, facts: Mapping[str, str | int | None]) -> list[str]:
    """Lines for a person, of what `status` gave."""
    name = location.name
    if facts["LoadState"] == "not-found":
        others = other_services(location) or "; see: edgetl service install --help"
        return [f"{name}: not installed{others}"]
    lines = [
        f"{name}: {facts['ActiveState']} ({facts['SubState']}), {facts['UnitFileState']}",
        f"last: {facts['StatusText'] or 'nothing yet'}; restarts: {facts['NRestarts']}",
    ]
    if facts["Result"] != "success":
        lines.append(f"ended: {facts['Result']}; read why with: {location.command('logs')}")
    if facts["ActiveState"] == "inactive":
        lines.append(f"it does not run; start it with: sudo systemctl start {name}")
    return lines


def other_services(location: UnitLocation) -> str:
    """Which names of our services may have been meant, as the end of a message; "" for none."""
    units = sorted(location.unit.parent.glob("*.service"))
    names = [f"--name {unit.stem}" for unit in units if unit != location.unit and _is_ours(unit)]
    return f"; there is: {', '.join(names)}" if names else ""


def systemd_version() -> int | None:
    """The systemd here; None where there is none, or it is not running this machine."""
    if not Path("/run/systemd/system").is_dir():
        return None
    try:
        said = _run(["systemctl", "--version"])
    except ServiceError:
        return None
    number = re.match(r"systemd (\d+)", said)
    return int(number[1]) if number else None


def systemctl(location: UnitLocation, *arguments: str) -> str:
    """What `systemctl ARGUMENTS` prints.

    Raises:
        ServiceError: it fails; with its own words.
    """
    root = [] if location.running else [f"--root={location.root}"]
    return _run(["systemctl", *root, "--no-pager", "--no-ask-password", *arguments])


def _run(command: Sequence[str]) -> str:
    try:
        result = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except OSError as error:
        raise ServiceError(f"{command[0]}: {reason(error)}; a service needs systemd") from error
    if result.returncode:
        words = " ".join(result.stderr.split()) or f"ended with {result.returncode}"
        raise ServiceError(f"{' '.join(command)}: {words}")
    return result.stdout


def _forget(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    # Other services' may be there.
    with suppress(OSError):
        path.parent.rmdir()


def _check_ours(location: UnitLocation) -> None:
    try:
        first = location.unit.read_text(encoding="utf-8", errors="replace")[: len(MARK)]
    except FileNotFoundError:
        return
    except OSError as error:
        raise ServiceError(f"{quoted(location.unit)}: {reason(error)}; try with sudo") from error
    if first != MARK:
        raise ServiceError(
            f"{quoted(location.unit)}: not written by edgetl; choose another name with --name"
        )


def _is_ours(unit: Path) -> bool:
    try:
        return unit.read_text(encoding="utf-8", errors="replace").startswith(MARK)
    except OSError:  # gone, or with a secret that only root may read
        return False


def _is(path: Path, text: str, mode: int) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == mode
    except OSError:
        return False
