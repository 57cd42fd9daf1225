"""What a service would fail of, found before it is installed."""

import os
import pwd
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from edgetl.edge.errors import EdgetlError, SettingError, quoted, reason
from edgetl.edge.model.chosen import chosen_model
from edgetl.edge.model.classifier import index_of_unknown
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.precision import Precision
from edgetl.edge.model.quantization import check_scaling
from edgetl.edge.model.thresholds import precision_thresholds
from edgetl.edge.pipeline.loaded import ModelSettings
from edgetl.edge.preview.address import Address, listen, parse_address
from edgetl.edge.service.options import UnitLocation
from edgetl.edge.service.paths import inside

# systemd gives the service a /tmp of its own, and these are emptied at a boot.
_VOLATILE = (Path("/tmp"), Path("/var/tmp"))

_LOWEST_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
_USUAL_LOWEST_PORT = 1024

_Found = TypeVar("_Found")


class Tried:
    """Checks, one after another; what they refuse is kept.

    Attributes:
        refused: the errors, in the order of the checks.
    """

    def __init__(self) -> None:
        self.refused: list[EdgetlError] = []

    def __call__(self, check: Callable[[], _Found]) -> _Found | None:
        """What a check gives; None where it refuses something."""
        try:
            return check()
        except EdgetlError as error:
            self.refused.append(error)
        except OSError as error:
            self.refused.append(SettingError(f"these options cannot be checked: {reason(error)}"))
        return None


def check_tree(location: UnitLocation) -> None:
    """Check that the file tree of --root is there.

    Raises:
        SettingError: it is not, or is no folder.
    """
    if not location.root.is_dir():
        what = "no folder" if location.root.exists() else "no such folder"
        raise SettingError(
            f"--root {quoted(location.root)}: {what}; name where the other system's files are "
            f"mounted"
        )


def check_model(options: ModelSettings, root: Path) -> ModelFile:
    """The model that options name, in the tree `root`; it has what they say of it.

    Raises:
        ModelFileError, SettingError: it cannot be used with these options.
    """
    assert options.model is not None
    labels = inside(root, options.labels) if options.labels else None
    model = chosen_model(inside(root, options.model), labels=labels, normalize=options.normalize)
    check_scaling(model)
    return model


def check_thresholds(options: ModelSettings, model: ModelFile) -> None:
    """Check that a model has what --threshold and --unknown-at are for.

    Raises:
        SettingError, ModelFileError: it has no such label, or no record of held-out photos.
    """
    if options.unknown_at is not None:
        index_of_unknown(model, options.unknown_at)
    if isinstance(options.threshold, Precision):
        precision_thresholds(model, options.threshold)


def check_address(text: str, location: UnitLocation) -> None:
    """Check that a service may listen at the address of --preview, and that nobody else does.

    Raises:
        SettingError, SinkError: it is no address of this machine, or its port is not to be had.
    """
    address = parse_address(text)
    if 0 < address.port < _lowest_port(location):
        free = Address(address.host, 8000 + address.port % 1000)
        raise SettingError(
            f"--preview {quoted(text)}: only root may listen on port {address.port}, and a service "
            f"is not root; choose one from {_lowest_port(location)} on, such as --preview {free}"
        )
    if location.running and not _is_its_own(address.port, location):
        listen(address).close()


def _lowest_port(location: UnitLocation) -> int:
    """The lowest port that others than root may listen on."""
    try:
        return int(_LOWEST_PORT.read_text()) if location.running else _USUAL_LOWEST_PORT
    except (OSError, ValueError):
        return _USUAL_LOWEST_PORT


def _is_its_own(port: int, location: UnitLocation) -> bool:
    """Whether the service itself, installed with other options, may be who listens on a port."""
    try:
        text = location.unit.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return False
    except OSError:  # a unit with a secret, which only root may read
        return True
    found = re.search(r'"--preview=([^"]*)"', text)
    return found is not None and parse_address(found[1]).port == port


def check_rights(
    user: str, *, runs: Sequence[Path], reads: Sequence[Path], writes: Sequence[Path]
) -> None:
    """Check that a user may do what their service does; only root can check that.

    Raises:
        SettingError: something is out of reach: a service would fail at every start.
    """
    run = [("-x", "run", "install it", path) for path in runs]
    read = [("-r", "read", "put it", path) for path in reads]
    for right, verb, remedy, path in (*run, *read):
        if not _may(user, right, path):
            raise SettingError(
                f"{quoted(path)}: {user} may not {verb} it; {remedy} where {user} may, or name "
                f"another user: --run-as USER"
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


def check_persistent(paths: Sequence[tuple[str, Path]]) -> None:
    """Check that paths, each behind its option, are there for a service, and stay.

    Raises:
        SettingError: one is in a folder for temporary files.
    """
    for option, path in paths:
        if any(path.is_relative_to(folder) for folder in _VOLATILE):
            raise SettingError(
                f"{option} {quoted(path)}: a service has a temporary folder of its own, which is "
                f"emptied; choose another folder"
            )
