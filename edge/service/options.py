"""What a service of `edgetl classify` needs, from the options that classify takes."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from edgetl.edge.errors import SettingError, SinkError, quoted, reason
from edgetl.edge.model.model_file import read_labels, read_model_file
from edgetl.edge.preview.address import parse_address
from edgetl.edge.results.debounce import smoothed
from edgetl.edge.sinks import Sink
from edgetl.edge.sinks.mqtt_url import parse_mqtt_url

# What makes classify's sinks, of its options and a model's labels.
MakeSinks: TypeAlias = Callable[[Mapping[str, Any], tuple[str, ...]], Iterable[Sink]]

# Systemd gives the service a /tmp of its own, and these are emptied at a boot.
_PASSING = (Path("/tmp"), Path("/var/tmp"))

# Options of classify's that are paths.
_PATHS = ("model", "labels", "output", "snapshots")

# More than the first line of any results has.
_LONGEST_LINE = 2**20


def placed(
    options: Mapping[str, Any],
    *,
    root: Path,
    sinks: MakeSinks,
) -> dict[str, Any]:
    """classify's options, checked, with absolute paths: a service starts in another folder.

    Args:
        options: by classify's names for them, as typed: paths may be text.
        root: where the file tree is that they are for; paths are those of that tree.
        sinks: makes classify's sinks of its options and a model's labels.

    Raises:
        SettingError: there is no camera, or something a service cannot have or do.
        ModelFileError: the model does not fit.
    """
    if options["files"]:
        raise SettingError(
            f"{quoted(options['files'][0])}: a service watches a camera, not files; leave it out"
        )
    if options["camera"] is None:
        raise SettingError("a service watches a camera: give --camera 0 (or a device or URL)")
    if options["window"]:
        raise SettingError("--window: a service has no screen; use --preview")
    if options["save_video"]:
        raise SettingError(
            "--save-video: a service begins anew at every boot, and no video is written over; "
            "use --snapshots"
        )
    if options["model"] is None:
        raise SettingError("a service needs --model FILE: it starts in another folder")
    changed = dict(options)
    for name in _PATHS:
        if options[name] is not None:
            changed[name] = _absolute(options[name])
    changed["camera"] = _camera(options["camera"], root)
    names = changed["labels"] and read_labels(_inside(root, changed["labels"]))
    model = read_model_file(_inside(root, changed["model"]), labels=names)
    if options["preview"] is not None:
        parse_address(options["preview"])
    if options["smooth"] is not None:
        smoothed((), seconds=options["smooth"], predict=list)
    for folder in folders_written(changed):
        # Where we may not look, Path.is_dir raises.
        if not os.path.isdir(_inside(root, folder)):  # noqa: PTH112
            raise SettingError(
                f"{quoted(str(folder))}: no such folder; make it, for the service's user"
            )
    _check_sinks(changed, model.labels, root=root, sinks=sinks)
    # Last: what else is wrong with a path says more of what was meant.
    for name in _PATHS if "://" in changed["camera"] else ("camera", *_PATHS):
        if changed[name] is not None:
            _check_lasting(Path(changed[name]), option=name)
    return changed


def without_password(url: str) -> tuple[str, str | None]:
    """An --mqtt URL that may be read by everyone, and the password that was in it.

    Raises:
        SettingError: it is no such URL.
    """
    password = parse_mqtt_url(url).password
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    bare = parts._replace(netloc=f"{user.partition(':')[0]}@{host}" if user else host)
    return urlunsplit(bare), password


def environment_line(name: str, value: str) -> str:
    """A variable as a line of an EnvironmentFile=.

    Raises:
        SettingError: `value` has a control character in it.
    """
    if not value.isprintable():
        raise SettingError(f"{name}: has a control character in it; choose another password")
    escaped = re.sub(r'([\\"`$])', r"\\\1", value)
    return f'{name}="{escaped}"\n'


def folders_written(options: Mapping[str, Any]) -> list[PurePosixPath]:
    """The folders that files of classify's options are written to, each once."""
    file, folder = options["output"], options["snapshots"]
    written = [*([file.parent] if file else []), *([folder] if folder else [])]
    return [PurePosixPath(path) for path in dict.fromkeys(written)]


def uses_network(options: Mapping[str, Any]) -> bool:
    """Whether a service with classify's options talks to other machines."""
    return bool(options["mqtt"] or options["preview"] or "://" in options["camera"])


def has_password(url: str) -> bool:
    """Whether a camera's URL has a password in it."""
    return "://" in url and urlsplit(url).password is not None


def devices(options: Mapping[str, Any]) -> list[str]:
    """What the camera of classify's options is reached through, in DeviceAllow='s words.

    Kinds of devices, not one: a camera that was plugged in anew may have another number.
    """
    camera, backend = options["camera"], options["camera_backend"]
    if "://" in camera or not (camera.isdecimal() or camera.startswith("/dev/")):
        return []
    raspberry = ["char-media", "char-dma_heap"] if backend != "opencv" else []
    return ["char-video4linux", *raspberry]


def _absolute(path: Path | str) -> Path:
    try:
        # systemd takes no ".." in a path, and a link to the model of the day must stay one.
        return Path(os.path.normpath(Path(path).absolute()))
    except OSError as error:  # the folder we are in was deleted
        raise SettingError(f"{quoted(path)}: the folder here is gone; give a whole path") from error


def _camera(name: str, root: Path) -> str:
    if name.isdecimal():
        return name
    if "://" in name:
        try:
            urlsplit(name)
        except ValueError:
            # Not the URL itself: there may be a password in it.
            raise SettingError(
                "--camera: the host in its URL cannot be; give it like rtsp://host:554/path or "
                "rtsp://[2001:db8::1]:554/path"
            ) from None
        return name
    place = _absolute(name)
    # A device may be plugged in later.
    if not place.is_relative_to("/dev") and not os.path.isfile(_inside(root, place)):  # noqa: PTH113
        raise SettingError(
            f"--camera {name!r}: no such file; give a camera's number, as in --camera 0, a device "
            f"or a URL"
        )
    return str(place)


def _check_sinks(
    options: Mapping[str, Any], labels: tuple[str, ...], *, root: Path, sinks: MakeSinks
) -> None:
    """See that classify's sinks can be made, in an empty file tree and with nobody connected."""
    try:
        with TemporaryDirectory() as name:
            changed = {**options, "preview": None}
            if options["mqtt"] is not None:
                changed |= {"mqtt": None, "mqtt_discovery": False}
            for option in ("output", "snapshots"):
                if options[option]:
                    changed[option] = _inside(Path(name), options[option])
                    changed[option].parent.mkdir(parents=True, exist_ok=True)
            if options["output"]:
                _begin_alike(changed["output"], _inside(root, options["output"]))
            try:
                for sink in sinks(changed, labels):
                    sink.close()
            except (SettingError, SinkError) as error:
                raise SettingError(str(error).replace(quoted(name), "")) from error
    except OSError as error:
        raise SettingError(f"these options cannot be tried: {reason(error)}") from error


def _begin_alike(path: Path, other: Path) -> None:
    """Make at `path` what shows whether classify would append to `other`."""
    if other.is_dir():
        path.mkdir()
    elif other.is_file() and os.access(other, os.R_OK):
        with other.open("rb") as file:
            first = file.readline(_LONGEST_LINE)
        # Half a line is cut off when classify begins, and no reason to refuse.
        path.write_bytes(first if first.endswith(b"\n") else b"")


def _check_lasting(path: Path, *, option: str) -> None:
    if any(path.is_relative_to(passing) for passing in _PASSING):
        raise SettingError(
            f"--{option.replace('_', '-')} {quoted(path)}: a service has a temporary "
            f"folder of its own, which is emptied; choose another place"
        )


def _inside(root: Path, path: Path | PurePosixPath) -> Path:
    return root / Path(path).relative_to("/")
