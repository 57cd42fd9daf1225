"""Which cameras are here, and whether this person may read them."""

import getpass
import os
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from edgetl.edge.doctor.check import Check
from edgetl.edge.doctor.libraries import load
from edgetl.edge.doctor.v4l2 import CSI_DRIVERS, Device, capture_devices

_CAMERAS = "{'cameras': [str(c.get('Model', '')) for c in module.Picamera2.global_camera_info()]}"
_PICAMERA2 = (
    "sudo apt install python3-picamera2, and an environment made with "
    "python3 -m venv --system-site-packages"
)


def camera_checks(devices: Sequence[Device] | None = None, *, ends: float) -> Iterator[Check]:
    """Cameras on USB and CSI; `devices` are of `capture_devices`, by default this machine's.

    `ends` is when the patience with libraries does, as in `libraries.load`.
    """
    found = list(capture_devices() if devices is None else devices)
    csi = [device for device in found if device.driver.startswith(CSI_DRIVERS)]
    rest = [device for device in found if device not in csi]
    libcamera = list(_libcamera(csi, ends))
    for device in rest:
        yield _device(device)
    yield from libcamera
    if not rest and not libcamera:
        yield Check(
            "camera",
            "warn",
            "none found",
            "plug one in; `rpicam-hello --list-cameras` looks for a Raspberry Pi's own",
        )


def _device(device: Device) -> Check:
    name = f"{device.path}: {device.name or 'unnamed'}"
    if device.problem == "permission denied":
        return Check("camera", "fail", f"{name}, which {_user()} may not read", _permission(device))
    if device.problem:
        return Check("camera", "warn", f"{name}, cannot be asked ({device.problem})", "replug it")
    formats = ", ".join(device.formats) or "no formats"
    return Check("camera", "ok", f"{name} ({formats})")


def _permission(device: Device) -> str:
    # Neither module is there on Windows, and no /dev/video* either.
    import grp
    import pwd

    try:
        group = grp.getgrgid(device.path.stat().st_gid)
        member = _user() in group.gr_mem or pwd.getpwnam(_user()).pw_gid == group.gr_gid
    except (KeyError, OSError):
        return f"sudo usermod -aG video {_user()}, then log in again"
    if member and group.gr_gid not in os.getgroups():
        return "log in again: the membership in its group is newer than this login"
    return f"sudo usermod -aG {group.gr_name} {_user()}, then log in again"


def _libcamera(csi: Sequence[Device], ends: float) -> Iterator[Check]:
    if find_spec("picamera2") is None:
        if csi:
            found = "there is one, and no picamera2 to read it"
            yield Check("csi camera", "warn", found, _PICAMERA2)
        return
    loaded = load("picamera2", ends=ends, facts=_CAMERAS)
    if loaded.problem:
        yield Check("csi camera", "warn", f"picamera2: {loaded.problem}", _PICAMERA2)
        return
    for number, model in enumerate(loaded.facts["cameras"]):
        yield Check("csi camera", "ok", f"{number}: {model or 'unnamed'}, through picamera2")


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number that no account has
        return "$USER"
