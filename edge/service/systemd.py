"""Putting a unit in its place, and asking systemd about it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.errors import EdgetlError, SettingError, quoted, reason
from edgetl.edge.service.unit import MARK
from edgetl.edge.system.files import write_text

_FACTS = ("LoadState", "ActiveState", "SubState", "StatusText", "UnitFileState", "Result")
_NUMBERS = ("NRestarts", "MainPID", "MemoryCurrent")


class ServiceError(EdgetlError):
    """Something that systemd, or the file system, would not do."""


@dataclass(frozen=True)
class Place:
    """Where a service of a name belongs. `root` is "/", or another system's file tree."""

    name: str
    root: Path = Path("/")

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", self.name):
            raise SettingError(f"--name {quoted(self.name)}: letters, digits, - and _ make a name")

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
    def running(self) -> bool:
        """Whether it is this machine's own."""
        return self.root == Path("/")


def install(place: Place, text: str, *, secrets: str = "", private: bool = False) -> bool:
    """Write, enable and (re)start a service; in another system's tree, only write and enable it.

    Args:
        secrets: lines that only root may read.
        private: whether only root may read the unit.

    Returns:
        False where it is all there already, and nothing was done.

    Raises:
        ServiceError: it could not be written or started, or the name is another service's.
    """
    if is_installed(place, text, secrets=secrets, private=private):
        return False
    try:
        for path, (content, mode) in _files(place, text, secrets, private=private).items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with _masked(0o777 & ~mode):
                write_text(path, content)
        if not secrets:
            _forget_secrets(place)
    except OSError as error:
        raise ServiceError(f"{quoted(place.unit)}: {reason(error)}; try with sudo") from error
    if place.running:
        systemctl(place, "daemon-reload")
    systemctl(place, "enable", f"{place.name}.service")
    if place.running:
        # It is ready with its first picture; that may be long after.
        systemctl(place, "restart", "--no-block", f"{place.name}.service")
    return True


def is_installed(place: Place, text: str, *, secrets: str = "", private: bool = False) -> bool:
    """Whether `install` would find it all there.

    Raises:
        ServiceError: the name is another service's, or its files cannot be read.
    """
    _check_ours(place)
    wanted = _files(place, text, secrets, private=private)
    stale = place.secrets.exists() and not secrets
    # Written and not enabled: an install that was cut short.
    return (
        place.enabled.is_symlink()
        and not stale
        and all(_is(path, *content) for path, content in wanted.items())
    )


def uninstall(place: Place) -> bool:
    """Stop, disable and remove a service. False where there is none.

    Raises:
        ServiceError: the name is another service's, or it cannot be removed.
    """
    if not place.unit.exists():
        return False
    _check_ours(place)
    now = ["--now"] if place.running else []
    systemctl(place, "disable", *now, f"{place.name}.service")
    try:
        # The unit last: while it is there, what failed can be tried again.
        _forget_secrets(place)
        _forget_state(place)
        place.unit.unlink()
    except OSError as error:
        raise ServiceError(f"{quoted(place.unit)}: {reason(error)}; try with sudo") from error
    if place.running:
        systemctl(place, "daemon-reload")
        # One that had to be killed has failed, and would be listed until the next boot.
        with suppress(ServiceError):
            systemctl(place, "reset-failed", f"{place.name}.service")
    return True


def status(place: Place) -> dict[str, str | int | None]:
    """What systemd knows of a service, by systemd's names for it (systemctl show).

    Raises:
        ServiceError: systemd does not say.
    """
    names = ",".join((*_FACTS, *_NUMBERS))
    shown = systemctl(place, "show", f"--property={names}", f"{place.name}.service")
    found = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    facts: dict[str, str | int | None] = {name: found.get(name, "") for name in _FACTS}
    for name in _NUMBERS:
        text = found.get(name, "")
        facts[name] = int(text) if text.isdecimal() else None
    return facts


def described(place: Place, facts: Mapping[str, str | int | None]) -> list[str]:
    """Lines for a person, of what `status` gave."""
    name = place.name
    if facts["LoadState"] == "not-found":
        return [f"{name}: not installed; see: edgetl service install --help"]
    lines = [
        f"{name}: {facts['ActiveState']} ({facts['SubState']}), {facts['UnitFileState']}",
        f"last: {facts['StatusText'] or 'nothing yet'}; restarts: {facts['NRestarts']}",
    ]
    if facts["Result"] != "success":
        option = f" --name {name}" if name != "edgetl" else ""
        lines.append(f"ended: {facts['Result']}; its own words: edgetl service logs{option}")
    if facts["ActiveState"] == "inactive":
        lines.append(f"it does not run; start it with: sudo systemctl start {name}")
    return lines


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


def systemctl(place: Place, *arguments: str) -> str:
    """What `systemctl ARGUMENTS` prints.

    Raises:
        ServiceError: it fails; with its own words.
    """
    root = [] if place.running else [f"--root={place.root}"]
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


def _files(place: Place, text: str, secrets: str, *, private: bool) -> dict[Path, tuple[str, int]]:
    """What belongs where, and its mode."""
    unit = {place.unit: (text, 0o600 if private else 0o644)}
    return {place.secrets: (secrets, 0o600), **unit} if secrets else unit


def _forget_secrets(place: Place) -> None:
    place.secrets.unlink(missing_ok=True)
    # Other services' passwords may be there.
    with suppress(OSError):
        place.secrets.parent.rmdir()


def _forget_state(place: Place) -> None:
    if place.state.exists():
        shutil.rmtree(place.state)
    # Other services' may be there.
    with suppress(OSError):
        place.state.parent.rmdir()


def _check_ours(place: Place) -> None:
    try:
        first = place.unit.read_text(encoding="utf-8", errors="replace")[: len(MARK)]
    except FileNotFoundError:
        return
    except OSError as error:
        raise ServiceError(f"{quoted(place.unit)}: {reason(error)}; try with sudo") from error
    if first != MARK:
        raise ServiceError(
            f"{quoted(place.unit)}: not written by edgetl; choose another name with --name"
        )


def _is(path: Path, text: str, mode: int) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text and path.stat().st_mode & 0o777 == mode
    except OSError:
        return False


@contextmanager
def _masked(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
