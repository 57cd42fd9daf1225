"""What a service of `edgetl classify` needs of the system, by the options of classify."""

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit, urlunsplit

from edgetl.edge.actions.options import program_words
from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.pipeline.options import ClassifyOptions
from edgetl.edge.service.paths import absolute, with_absolute_paths
from edgetl.edge.sinks.mqtt_url import parse_mqtt_url
from edgetl.edge.sources.capture import check_stream, is_pipeline, is_stream

# Where systemd looks for programs, and the programs that a service runs look.
_PROGRAMS = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")


def for_service(options: ClassifyOptions, *, root: Path) -> ClassifyOptions:
    """The options as typed, with absolute paths, of the tree `root`: a service starts elsewhere.

    Raises:
        SettingError: there is no camera or model, or something a service cannot have.
    """
    if options.files:
        raise SettingError(
            f"{quoted(options.files[0])}: a service watches a camera, not files; leave it out"
        )
    if options.window:
        raise SettingError("--window: a service has no screen; use --preview")
    if options.save_video:
        raise SettingError(
            "--save-video: a service starts again at every boot, and no video is written over; "
            "use --snapshots"
        )
    given = with_absolute_paths(options)
    cameras = tuple(_named(one.name, _camera(one.camera, root)) for one in given.cameras)
    return replace(given, camera=cameras)


def with_whole_program(options: ClassifyOptions, *, root: Path) -> ClassifyOptions:
    """The options with the absolute path of the program that --exec names, of the tree `root`.

    Raises:
        SettingError: there is none of this name.
    """
    if options.exec is None:
        return options
    name, *arguments = program_words(options.exec)
    return replace(options, exec=shlex.join([str(_program(name, root)), *arguments]))


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


def folders_written(options: ClassifyOptions) -> list[PurePosixPath]:
    """The folders that files are written to, each once."""
    file, folder = options.output, options.snapshots
    written = [*([file.parent] if file else []), *([folder] if folder else [])]
    return [PurePosixPath(path) for path in dict.fromkeys(written)]


def uses_network(options: ClassifyOptions) -> bool:
    """Whether the service talks to other machines."""
    streams = any(is_stream(one.camera) for one in options.cameras)
    return bool(options.mqtt or options.webhook or options.preview or streams)


def groups(options: ClassifyOptions) -> list[str]:
    """The groups that devices belong to which the service uses."""
    return ["video", *(["gpio"] if options.gpio else [])]


def devices(options: ClassifyOptions) -> list[str]:
    """What the cameras and the pins are reached through, in DeviceAllow='s words.

    Kinds of devices, not one: a camera that was plugged in again may have another number.
    """
    pins = ["char-gpiochip"] if options.gpio else []
    if not any(_is_device(one.camera) for one in options.cameras):
        return pins
    raspberry = options.camera_backend != "opencv"
    return ["char-video4linux", *(["char-media", "char-dma_heap"] if raspberry else []), *pins]


def _is_device(camera: str) -> bool:
    # A pipeline may read one, too.
    return camera.isdecimal() or camera.startswith("/dev/") or is_pipeline(camera)


def program(options: ClassifyOptions) -> Path | None:
    """The program of --exec; None without."""
    return Path(program_words(options.exec)[0]) if options.exec else None


def _program(name: str, root: Path) -> Path:
    """The absolute path of a program that was typed: by its path, or by a name."""
    if "/" in name:
        return absolute(name)
    for folder in _PROGRAMS:
        if os.access(root / folder / name, os.X_OK):
            return Path("/", folder, name)
    places = ", ".join(f"/{folder}" for folder in _PROGRAMS)
    raise SettingError(f"--exec: no program {quoted(name)} in {places}; give its whole path")


def _named(name: str, camera: str) -> str:
    return f"{name}={camera}" if name else camera


def _camera(name: str, root: Path) -> str:
    if name.isdecimal():
        return name
    if is_stream(name):
        check_stream(name)
        try:
            urlsplit("" if is_pipeline(name) else name)
        except ValueError:
            # Not the URL itself: there may be a password in it.
            raise SettingError(
                "--camera: its URL has no valid host; give it like rtsp://host:554/path or "
                "rtsp://[2001:db8::1]:554/path"
            ) from None
        return name
    path = absolute(name)
    # A device may be plugged in later. Where we may not look, Path.is_file raises.
    if not path.is_relative_to("/dev") and not os.path.isfile(  # noqa: PTH113
        root / path.relative_to("/")
    ):
        raise SettingError(
            f"--camera {name!r}: no such file; give a camera's number, as in --camera 0, a device "
            f"or a URL"
        )
    return str(path)
