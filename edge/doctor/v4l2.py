"""Cameras as the kernel has them: /dev/video*, asked through Video4Linux2.

The structs and numbers are those of linux/videodev2.h
(https://docs.kernel.org/userspace-api/media/v4l/user-func.html).
"""

import os
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.errors import reason

# v4l2_capability: driver, card, bus_info, version, capabilities, device_caps, 3 reserved.
_CAPABILITY = struct.Struct("=16s32s32sIII12x")
# v4l2_fmtdesc: index, type, flags, description, pixelformat, mbus_code, 3 reserved.
_FORMAT = struct.Struct("=III32sII12x")

_READ, _WRITE = 2, 1
_QUERYCAP = _READ << 30 | _CAPABILITY.size << 16 | ord("V") << 8 | 0
_ENUM_FMT = (_READ | _WRITE) << 30 | _FORMAT.size << 16 | ord("V") << 8 | 2

_CAN_CAPTURE, _CAN_CAPTURE_PLANES = 0x00000001, 0x00001000
_IS_CODEC = 0x00008000 | 0x00004000
_HAS_DEVICE_CAPS = 0x80000000
_CAPTURE, _CAPTURE_PLANES = 1, 9
# More than any camera has; a driver that never ends its list must not keep us.
_MOST_FORMATS = 64

# A Raspberry Pi's CSI receivers, whose raw frames only libcamera makes pictures of, and its image
# processors and decoders, which are no cameras.
CSI_DRIVERS = ("unicam", "rp1-cfe")
_NO_CAMERAS = ("bcm2835-isp", "bcm2835-codec", "pispbe", "rpivid", "rpi-hevc-dec")

# As fcntl.ioctl: a descriptor, a request, and what it fills.
Ask = Callable[[int, int, bytearray], object]


@dataclass(frozen=True)
class Device:
    """A /dev/videoN that gives pictures, or cannot be asked.

    Attributes:
        name: what it calls itself.
        driver: the kernel's, "" if it cannot be asked.
        formats: what its pictures come as, four letters each ("YUYV", "MJPG").
        problem: why it cannot be asked, "" if it can.
    """

    path: Path
    name: str
    driver: str
    formats: tuple[str, ...]
    problem: str


def capture_devices(
    dev: Path = Path("/dev"), sys_folder: Path = Path("/sys"), *, ask: Ask | None = None
) -> list[Device]:
    """The devices that give pictures, by number; those that cannot be asked among them.

    They are in `dev`, asked with `ask` (default fcntl.ioctl); all may read their names in
    `sys_folder`.
    """
    if ask is None:
        try:
            from fcntl import ioctl
        except ImportError:
            return []  # Windows
        ask = ioctl
    paths = [path for path in dev.glob("video*") if re.fullmatch(r"video\d+", path.name)]
    paths.sort(key=lambda path: int(path.name.removeprefix("video")))
    names = sys_folder / "class" / "video4linux"
    asked = (_asked(path, names / path.name / "name", ask) for path in paths)
    return [device for device in asked if device]


def _asked(path: Path, name_file: Path, ask: Ask) -> Device | None:
    try:
        name = name_file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        name = ""
    if name.startswith(_NO_CAMERAS):
        return None
    descriptor = None
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        capability = bytearray(_CAPABILITY.size)
        ask(descriptor, _QUERYCAP, capability)
        driver, card, _, _, capabilities, device_caps = _CAPABILITY.unpack(capability)
        can = device_caps if capabilities & _HAS_DEVICE_CAPS else capabilities
        driver = _words(driver)
        planes = not can & _CAN_CAPTURE
        captures = can & (_CAN_CAPTURE | _CAN_CAPTURE_PLANES) and not can & _IS_CODEC
        if not captures or driver.startswith(_NO_CAMERAS):
            return None
        formats = _formats(descriptor, _CAPTURE_PLANES if planes else _CAPTURE, ask)
        return Device(path, _words(card) or name, driver, formats, "")
    except OSError as error:
        return Device(path, name, "", (), reason(error))
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _formats(descriptor: int, kind: int, ask: Ask) -> tuple[str, ...]:
    found: list[str] = []
    for index in range(_MOST_FORMATS):
        wanted = bytearray(_FORMAT.pack(index, kind, 0, b"", 0, 0))
        try:
            ask(descriptor, _ENUM_FMT, wanted)
        except OSError:
            break  # EINVAL: there are no more
        letters = _FORMAT.unpack(wanted)[4].to_bytes(4, "little")
        found.append(letters.decode("ascii", "replace").strip())
    return tuple(found)


def _words(text: bytes) -> str:
    return text.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
