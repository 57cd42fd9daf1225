"""What a service of `edgetl classify` needs, from the options that classify takes."""

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from edge.condition import parse_condition
from edge.errors import SettingError, quoted
from edge.model_file import read_labels, read_model_file
from edge.preview.address import parse_address
from edge.sinks.mqtt_url import parse_mqtt_url

# Systemd gives the service a /tmp of its own, and these are emptied at a boot.
_PASSING = (Path("/tmp"), Path("/var/tmp"))


def placed(options: Mapping[str, Any], *, root: Path) -> dict[str, Any]:
    """classify's options, checked, with absolute paths: a service starts in another folder.

    Args:
        options: by classify's names for them, as typed: paths may be text.
        root: where the file tree is that they are for; paths are those of that tree.

    Raises:
        SettingError: there is no camera, or something a service cannot have or do.
        ModelFileError: the model does not fit.
    """
    if options["files"] or options["camera"] is None:
        raise SettingError("a service watches a camera: give --camera 0 (or a device or URL)")
    if options["window"]:
        raise SettingError("--window: a service has no screen; use --preview")
    if options["model"] is None:
        raise SettingError("a service needs --model FILE: it starts in another folder")
    if (options["snapshots"] is None) != (options["when"] is None):
        raise SettingError("--snapshots DIR and --when 'LABEL>0.9' belong together; give both")
    changed = dict(options)
    for name in ("model", "labels", "output", "save_video", "snapshots"):
        if options[name] is not None:
            changed[name] = _absolute(options[name], option=name)
    if "://" not in options["camera"] and not options["camera"].isdecimal():
        changed["camera"] = str(_absolute(Path(options["camera"]), option="camera"))
    names = changed["labels"] and read_labels(_inside(root, changed["labels"]))
    model = read_model_file(_inside(root, changed["model"]), labels=names)
    if options["when"] is not None:
        parse_condition(options["when"], model.labels)
    if options["preview"] is not None:
        parse_address(options["preview"])
    output = changed["output"]
    if output and (options["format"] or output.suffix.lower().lstrip(".")) not in ("jsonl", "csv"):
        raise SettingError(f"--output {quoted(output)}: add --format jsonl or --format csv")
    for folder in folders_written(changed):
        if not _inside(root, folder).is_dir():
            raise SettingError(
                f"{quoted(str(folder))}: no such folder; make it, for the service's user"
            )
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
    files = [options[name].parent for name in ("output", "save_video") if options[name]]
    folders = [options["snapshots"]] if options["snapshots"] else []
    return [PurePosixPath(path) for path in dict.fromkeys(files + folders)]


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


def _absolute(path: Path, *, option: str) -> Path:
    place = Path(path).absolute()
    if any(place.is_relative_to(passing) for passing in _PASSING):
        raise SettingError(
            f"--{option.replace('_', '-')} {quoted(path)}: a service has a temporary "
            f"folder of its own, which is emptied; choose another place"
        )
    return place


def _inside(root: Path, path: Path | PurePosixPath) -> Path:
    return root / Path(path).relative_to("/")
