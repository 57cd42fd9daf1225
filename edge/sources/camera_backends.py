"""The libraries a camera is read through: OpenCV, and picamera2 for a Raspberry Pi's CSI camera.

Each gives a Capture, whose frames have their colours in BGR order.
"""

import importlib
import importlib.util
import os
import re
import threading
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, get_args

import cv2
import numpy.typing as npt

from edgetl.edge.errors import EdgetlError, SettingError, SourceError, quoted
from edgetl.edge.sources.freeze import KEEPS_FIRST_SIZE, Part
from edgetl.edge.sources.opencv_capture import opened
from edgetl.edge.system.native_log import DEBUG_VARIABLE

Frame: TypeAlias = npt.NDArray[Any]
Backend = Literal["auto", "opencv", "picamera2"]

# A camera or stream that answers nothing, or sends no frame, for this long does not work.
FRAME_SECONDS = 10.0

# What USB 2 carries uncompressed at 30 frames a second.
_UNCOMPRESSED_PIXELS = 640 * 480

# Between a URL's "//" and its host.
_USER = re.compile(r"(?<=://)[^/]*@")

# picamera2's default here: the whole view of all sensors, several times a model's input.
_CSI_RESOLUTION = (1280, 960)


@dataclass(frozen=True)
class CameraSettings:
    """What a camera is asked for; None leaves it at the camera's own choice.

    Attributes:
        resolution: width and height in pixels.
        fps: frames a second.

    Raises:
        SettingError: one is not positive.
    """

    resolution: tuple[int, int] | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        if self.resolution and min(self.resolution) < 1:
            raise SettingError(f"resolution {self.resolution[0]}x{self.resolution[1]} has no pixel")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise SettingError(f"fps {self.fps:g} is not between 0 and 1000")


def parse_resolution(text: str) -> tuple[int, int]:
    """Width and height from "WIDTHxHEIGHT".

    Raises:
        SettingError: it is not that.
    """
    found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if not found:
        raise SettingError(f"resolution {text!r} is not WIDTHxHEIGHT, such as 640x480")
    return int(found[1]), int(found[2])


class Capture(Protocol):
    """An open camera, used by one thread.

    Attributes:
        live_parts: which parts of its frames always change, as noise does; if one stands still, it
            is no longer what the camera sees.
    """

    live_parts: tuple[Part, ...]

    def read(self) -> Frame | None:
        """Wait for the next frame: uint8, BGR, BGRA or grey. None: no more will come."""

    def release(self) -> None:
        """Let others have the camera."""


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
    return _OpencvCapture(source, settings)


def camera_name(source: int | str) -> str:
    """What a camera is called in results and messages: of a URL, without its user and password."""
    return f"camera {source}" if isinstance(source, int) else _USER.sub("", source)


class _OpencvCapture:
    live_parts: tuple[Part, ...] = ("picture",)

    def __init__(self, source: int | str, settings: CameraSettings) -> None:
        if isinstance(source, str) and "://" in source:
            self._capture = _opened_stream(source, settings)
            self.live_parts = ("picture", "lower edge") if KEEPS_FIRST_SIZE else ("picture",)
        else:
            self._capture = _opened_device(source, settings)

    def read(self) -> Frame | None:
        read, frame = self._capture.read()
        return frame if read else None

    def release(self) -> None:
        self._capture.release()


def _opened_stream(url: str, settings: CameraSettings) -> cv2.VideoCapture:
    if settings != CameraSettings():
        raise SettingError(
            f"{quoted(camera_name(url))}: a stream has its own size and rate; leave "
            f"--resolution and --fps out"
        )
    # Without limits FFmpeg waits half a minute for a server that has gone silent.
    milliseconds = round(FRAME_SECONDS * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds]
    limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]
    capture = opened(url, api=cv2.CAP_FFMPEG, parameters=limits)
    if capture is None and "FFMPEG" not in _stream_backends():
        # A distributor's OpenCV may have GStreamer alone.
        capture = opened(url)
    if capture is None:
        raise SourceError(f"{quoted(camera_name(url))}: cannot be opened as a video or camera")
    return capture


def _stream_backends() -> list[str]:
    registry = cv2.videoio_registry
    return [registry.getBackendName(api) for api in registry.getStreamBackends()]


def _opened_device(source: int | str, settings: CameraSettings) -> cv2.VideoCapture:
    device = source if isinstance(source, int) else _device_number(source)
    capture = opened(device)
    if capture is None:
        if isinstance(source, int):
            raise SourceError(
                f"camera {source}: there is no such camera, or another program has it open; "
                f"`ls /dev/video*` lists the cameras on Linux"
            )
        raise SourceError(f"{quoted(source)}: cannot be opened as a video or camera")
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
