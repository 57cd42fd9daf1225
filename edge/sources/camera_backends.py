"""The libraries a camera is read through: OpenCV, and picamera2 for a Raspberry Pi's CSI camera.

Each gives a Capture, whose frames have their colours in BGR order.
"""

import importlib
import importlib.util
import os
import re
import threading
from pathlib import Path
from typing import Any, Literal, get_args

import cv2

from edgetl.edge.errors import EdgetlError, SettingError, SourceError, quoted
from edgetl.edge.sources.capture import (
    FRAME_SECONDS,
    CameraSettings,
    Capture,
    Frame,
    camera_name,
    cannot_be_opened,
    is_stream,
)
from edgetl.edge.sources.freeze import Part
from edgetl.edge.sources.opencv_capture import opened
from edgetl.edge.sources.streams import StreamCapture
from edgetl.edge.system.native_log import DEBUG_VARIABLE

Backend = Literal["auto", "opencv", "picamera2"]

# What USB 2 carries uncompressed at 30 frames a second.
_UNCOMPRESSED_PIXELS = 640 * 480

NEEDS_PICAMERA2 = (
    "a Raspberry Pi's CSI camera, which needs picamera2: sudo apt install python3-picamera2, and "
    "an environment made with python3 -m venv --system-site-packages"
)
# What the kernel calls its devices, and where.
_CSI_NAMES = ("unicam", "rp1-cfe")
_DEVICES = Path("/sys/class/video4linux")

# picamera2's default here: the whole view of all sensors, several times a model's input.
_CSI_RESOLUTION = (1280, 960)


def parse_resolution(text: str) -> tuple[int, int]:
    """Width and height from "WIDTHxHEIGHT".

    Raises:
        SettingError: it is not that.
    """
    found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if not found:
        raise SettingError(f"resolution {text!r} is not WIDTHxHEIGHT, such as 640x480")
    return int(found[1]), int(found[2])


def open_camera(source: int | str, backend: Backend, settings: CameraSettings) -> Capture:
    """Open a camera.

    Args:
        source: a camera's number, a device's path or a stream's URL.
        backend: "auto" takes picamera2 where the number is that of a CSI camera and picamera2 is
            installed, else OpenCV.
        settings: what the camera is asked for.

    Raises:
        SourceError: there is no such camera, or it cannot be opened.
        SettingError: `backend` is unknown or cannot do what is asked.
        EdgetlError: picamera2 is asked for and not installed.
    """
    if backend not in get_args(Backend):
        raise SettingError(
            f"camera backend {backend!r} is not one of {', '.join(get_args(Backend))}"
        )
    if backend == "picamera2" or (backend == "auto" and _is_csi(source)):
        return _Picamera2Capture(source, settings)
    if isinstance(source, str) and is_stream(source):
        return StreamCapture(source, settings)
    return _DeviceCapture(source, settings)


class _DeviceCapture:
    live_parts: tuple[Part, ...] = ("picture",)

    def __init__(self, source: int | str, settings: CameraSettings) -> None:
        self._capture = _opened_device(source, settings)

    def read(self) -> Frame | None:
        read, frame = self._capture.read()
        return frame if read else None

    def release(self) -> None:
        self._capture.release()


def _opened_device(source: int | str, settings: CameraSettings) -> cv2.VideoCapture:
    device = source if isinstance(source, int) else _device_number(source)
    capture = opened(device)
    if capture is None:
        if is_csi_device(source):
            raise cannot_be_opened(source, NEEDS_PICAMERA2)
        if isinstance(source, int):
            raise SourceError(
                f"camera {source}: there is no such camera, or another program has it open; "
                f"`ls /dev/video*` lists the cameras on Linux"
            )
        raise cannot_be_opened(source)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    if settings.resolution:
        width, height = settings.resolution
        if width * height > _UNCOMPRESSED_PIXELS:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    if settings.fps:
        capture.set(cv2.CAP_PROP_FPS, settings.fps)
    return capture


def _device_number(path: str) -> int | str:
    """N of /dev/videoN, also behind a link as in /dev/v4l/by-id; another path as it is."""
    found = re.fullmatch(r"/dev/video(\d+)", os.path.realpath(path)) if path else None
    return int(found[1]) if found else path


def is_csi_device(source: int | str) -> bool:
    """Whether a number or path is that of a Raspberry Pi's CSI receiver, by the kernel's name."""
    device = source if isinstance(source, int) else _device_number(source)
    try:
        name = (_DEVICES / f"video{device}" / "name").read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return False
    return name.startswith(_CSI_NAMES)


def _is_csi(source: int | str) -> bool:
    """Whether `source` is a camera's number that libcamera knows, and not one on USB.

    A path is a V4L2 device, which OpenCV reads; a CSI camera's gives it no frames.
    """
    if not isinstance(source, int) or importlib.util.find_spec("picamera2") is None:
        return False
    try:
        cameras = _picamera2().global_camera_info()
    except Exception:
        # picamera2 is there and does not load: libcamera for another Python, another NumPy, ...
        return False
    return source < len(cameras) and "usb" not in str(cameras[source].get("Id", "")).lower()


def _picamera2() -> Any:
    if not os.environ.get(DEBUG_VARIABLE):
        os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    return importlib.import_module("picamera2").Picamera2


class _Picamera2Capture:
    """A CSI camera. What libcamera names RGB888 lies in memory as B, G, R, as OpenCV has it."""

    live_parts: tuple[Part, ...] = ("picture",)

    def __init__(self, source: int | str, settings: CameraSettings) -> None:
        name = camera_name(source)
        if not isinstance(source, int):
            raise SettingError(
                f"{quoted(name)}: picamera2 takes a camera's number; give --camera 0, or leave "
                f"--camera-backend out"
            )
        try:
            library = _picamera2()
        except ImportError as error:
            raise EdgetlError(
                f"picamera2 is not installed for this Python ({error}); install it with: "
                f"sudo apt install python3-picamera2, in a virtual environment made with "
                f"--system-site-packages"
            ) from error
        known = library.global_camera_info()
        if source >= len(known):
            raise SourceError(
                f"{name}: picamera2 knows {len(known)} cameras here; `rpicam-hello "
                f"--list-cameras` lists them"
            )
        try:
            self._camera = library(source)
        except (RuntimeError, IndexError, OSError) as error:
            words = " ".join(str(error).split())
            raise SourceError(
                f"{name}: cannot be opened; another program may have it open ({words})"
            ) from error
        try:
            controls = {}
            if settings.fps:
                microseconds = round(1_000_000 / settings.fps)
                controls["FrameDurationLimits"] = (microseconds, microseconds)
            self._camera.configure(
                self._camera.create_video_configuration(
                    main={"size": settings.resolution or _CSI_RESOLUTION, "format": "RGB888"},
                    controls=controls,
                )
            )
            self._camera.start()
        except Exception:
            self._camera.close()
            raise

    def read(self) -> Frame | None:
        # A capture that waits by itself would wait forever at a loose cable.
        done = threading.Event()
        job = self._camera.capture_array("main", signal_function=lambda *_: done.set())
        if not done.wait(FRAME_SECONDS):
            return None
        frame: Frame = self._camera.wait(job)
        return frame

    def release(self) -> None:
        try:
            self._camera.stop()
        finally:
            self._camera.close()
