"""Streams by their URL or GStreamer pipeline, read through OpenCV, and URLs of still pictures."""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

import cv2

from edgetl.edge.errors import SettingError, SourceError, quoted
from edgetl.edge.sources.capture import (
    FRAME_SECONDS,
    CameraSettings,
    Frame,
    camera_name,
    cannot_be_opened,
    is_pipeline,
)
from edgetl.edge.sources.file_kinds import PICTURE_SUFFIXES
from edgetl.edge.sources.freeze import KEEPS_FIRST_SIZE, Part
from edgetl.edge.sources.http_source import is_picture
from edgetl.edge.sources.opencv_capture import opened
from edgetl.edge.sources.still_picture import StillPicture
from edgetl.edge.sources.stream_faults import why_not_opened

_LIVE: tuple[Part, ...] = ("picture", "lower edge") if KEEPS_FIRST_SIZE else ("picture",)


class StreamCapture:
    """A stream, or a still picture that a camera renders each time, asked for repeatedly.

    A URL that names a picture is asked at once what it serves; another one where it ends after one
    frame.
    """

    def __init__(self, url: str, settings: CameraSettings) -> None:
        """Open it.

        Raises:
            SourceError: it cannot be opened.
            SettingError: it cannot be asked for these settings.
        """
        self._url = url
        self._frames = 0
        self._still: StillPicture | None = None
        self._capture: cv2.VideoCapture | None = None
        if settings.resolution:
            raise self._has_its_own()
        is_http = url.lower().startswith(("http://", "https://"))
        if is_http and (settings.fps or _names_a_picture(url)) and is_picture(url):
            self._still = StillPicture(url, settings.fps)
        elif settings.fps:
            raise self._has_its_own()
        elif is_pipeline(url):
            self._capture = _opened_pipeline(url)
        else:
            self._capture = _opened_url(url)
            if self._capture is None:
                # FFmpeg does not know every picture by its content.
                if not (is_http and self._is_still()):
                    raise cannot_be_opened(url, why_not_opened(url))
                self._still = StillPicture(url)
        self._may_be_still = is_http

    def _has_its_own(self) -> SettingError:
        return SettingError(
            f"{quoted(camera_name(self._url))}: a stream has its own size and rate; leave "
            f"--resolution and --fps out"
        )

    @property
    def live_parts(self) -> tuple[Part, ...]:
        # A camera may renew its picture once an hour.
        return () if self._still else _LIVE

    def read(self) -> Frame | None:
        if self._capture is not None and self._still is None:
            read, frame = self._capture.read()
            self._frames += read
            if read:
                return frame
            if self._frames == 1 and self._may_be_still and self._is_still():
                self._still = StillPicture(self._url)
        return self._still.read() if self._still else None

    def _is_still(self) -> bool:
        try:
            return is_picture(self._url)
        except SourceError:
            return False

    def release(self) -> None:
        if self._capture is not None:
            self._capture.release()


def _names_a_picture(url: str) -> bool:
    return PurePosixPath(urlsplit(url).path).suffix.lower() in PICTURE_SUFFIXES


def _opened_url(url: str) -> cv2.VideoCapture | None:
    # Without limits FFmpeg waits half a minute for a server that has gone silent.
    milliseconds = round(FRAME_SECONDS * 1000)
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, milliseconds]
    limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, milliseconds]
    capture = opened(url, api=cv2.CAP_FFMPEG, parameters=limits)
    if capture is None and "FFMPEG" not in _stream_backends():
        # A distributor's OpenCV may have GStreamer alone.
        capture = opened(url)
    return capture


def _opened_pipeline(pipeline: str) -> cv2.VideoCapture:
    if not cv2.videoio_registry.hasBackend(cv2.CAP_GSTREAMER):
        raise cannot_be_opened(
            pipeline,
            "this OpenCV has no GStreamer, as PyPI's never has; give the stream's URL, or use the "
            "system's OpenCV (sudo apt install python3-opencv, in a virtual environment made with "
            "--system-site-packages)",
        )
    capture = opened(pipeline, api=cv2.CAP_GSTREAMER)
    if capture is None:
        raise cannot_be_opened(
            pipeline, "GStreamer does not run it; try it with gst-launch-1.0, and end it in appsink"
        )
    return capture


def _stream_backends() -> list[str]:
    registry = cv2.videoio_registry
    return [registry.getBackendName(api) for api in registry.getStreamBackends()]
