"""What a service of `edgetl classify` would fail of, found before it is installed."""

import os
import pwd
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from edgetl.edge.errors import EdgetlError, SettingError, quoted, reason
from edgetl.edge.model.labels import read_labels
from edgetl.edge.model.model_file import ModelFile, read_model_file
from edgetl.edge.model.thresholds import Precision, precision_thresholds
from edgetl.edge.pipeline.build_sinks import broker, check_labels, output_begins
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.preview.address import parse_address
from edgetl.edge.service.needs import PATHS, folders_written, program
from edgetl.edge.service.options import UnitLocation
from edgetl.edge.sinks.lines import check_begins
from edgetl.edge.sources.build_camera import cameras_opener
from edgetl.edge.sources.capture import is_stream
from edgetl.edge.system.extras import need_extra, need_package

# systemd gives the service a /tmp of its own, and these are emptied at a boot.
_VOLATILE = (Path("/tmp"), Path("/var/tmp"))

_Found = TypeVar("_Found")


def refusals(
    location: UnitLocation, options: ClassifyOptions, *, user: str, programs: Sequence[Path]
) -> list[EdgetlError]:
    """Everything that the service would fail of, what says most first. Nothing is written.

    `options` have absolute paths, of the file tree of `location`; `programs` is what it runs.
    """
    refused: list[EdgetlError] = []

    def tried(check: Callable[[], _Found]) -> _Found | None:
        try:
            return check()
        except EdgetlError as error:
            refused.append(error)
        except OSError as error:
            refused.append(SettingError(f"these options cannot be checked: {reason(error)}"))
        return None

    tried(lambda: cameras_opener(options))
    model = tried(lambda: _model(options, location.root))
    if options.preview is not None:
        tried(lambda: parse_address(options.preview or ""))
    if options.mqtt is not None:
        tried(lambda: broker(options))
    for folder in folders_written(options):
        tried(lambda: _check_folder(folder, location.root))  # noqa: B023 - called here and now
    if model is not None:
        tried(lambda: check_labels(options, model.labels))
        tried(lambda: _check_output(options, model.labels, location.root))
        tried(lambda: _check_threshold(options, model))
    tried(lambda: _check_program(options, location.root))
    tried(lambda: _check_groups(options, location.root))
    # What else is wrong with a path says more of what was meant.
    tried(lambda: _check_persistent(options))
    if location.running:
        tried(lambda: check_extras(options))
        if os.geteuid() == 0:
            written = [options.output] if options.output else []
            read = (options.model, options.labels, options.mqtt_cert, options.mqtt_key)
            reads = [path for path in read if path]
            writes = [*map(Path, folders_written(options)), *written]
            own = program(options)
            runs = [*programs, *([own] if own else [])]
            tried(lambda: check_rights(user, runs=runs, reads=reads, writes=writes))
    return refused


def _check_threshold(options: ClassifyOptions, model: ModelFile) -> None:
    if isinstance(options.threshold, Precision):
        precision_thresholds(model, options.threshold)


def _check_program(options: ClassifyOptions, root: Path) -> None:
    found = program(options)
    if found is None:
        return
    path = inside(root, found)
    if not (os.path.isfile(path) and os.access(path, os.X_OK)):  # noqa: PTH113
        raise SettingError(
            f"--exec {quoted(found)}: no program that may be run; give its path, and make it "
            f"executable"
        )


def _check_groups(options: ClassifyOptions, root: Path) -> None:
    if not options.gpio:
        return
    try:
        text = (root / "etc/group").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    if not any(line.startswith("gpio:") for line in text.splitlines()):
        raise SettingError(
            "--gpio: this system has no group gpio, as Raspberry Pi OS has, whose pins a service "
            "may use; make it, with a udev rule that gives it /dev/gpiochip*"
        )


def check_extras(options: ClassifyOptions) -> None:
    """Check that the packages are here which an option needs.

    Raises:
        MissingExtraError: one is not.
    """
    for extra, needed in (("mqtt", options.mqtt), ("preview", options.preview)):
        if needed:
            need_extra(extra, needs=f"--{extra}")
    if options.gpio:
        need_package("gpiozero", needs="--gpio")


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


def _model(options: ClassifyOptions, root: Path) -> ModelFile:
    assert options.model is not None
    names = read_labels(inside(root, options.labels)) if options.labels else None
    return read_model_file(inside(root, options.model), labels=names)


def _check_folder(folder: PurePosixPath, root: Path) -> None:
    # Where we may not look, Path.is_dir raises.
    if not os.path.isdir(inside(root, folder)):  # noqa: PTH112
        raise SettingError(
            f"{quoted(str(folder))}: no such folder; make it, for the service's user"
        )


def _check_output(options: ClassifyOptions, labels: tuple[str, ...], root: Path) -> None:
    if options.output is None:
        return
    path = inside(root, options.output)
    if path.is_dir():
        raise SettingError(f"{quoted(options.output)}: is a directory")
    if path.is_file() and os.access(path, os.R_OK):
        begins = output_begins(options, labels)
        with path.open("rb") as file:
            check_begins(file.read(len(begins.encode())), begins, name=quoted(options.output))


def _check_persistent(options: ClassifyOptions) -> None:
    given = [(name, getattr(options, name)) for name in PATHS] + [("exec", program(options))]
    cameras = [one.camera for one in options.cameras]
    given += [("camera", camera) for camera in cameras if not is_stream(camera)]
    for name, path in given:
        if path is not None and any(Path(path).is_relative_to(folder) for folder in _VOLATILE):
            option = f"--{name.replace('_', '-')}"
            raise SettingError(
                f"{option} {quoted(path)}: a service has a temporary folder of its own, which is "
                f"emptied; choose another folder"
            )


def inside(root: Path, path: Path | PurePosixPath) -> Path:
    """An absolute path of another system's file tree, as a path of this one."""
    return root / Path(path).relative_to("/")
