"""Opening videos, cameras and streams with OpenCV, without its chatter on stderr."""

import os
from collections.abc import Sequence
from typing import Any

import cv2

from edge.native_log import DEBUG_VARIABLE

# FFmpeg, inside OpenCV, would report each stream's end on stderr; -8 is its level "quiet". OpenCV
# reads this when it first opens a video.
if not os.environ.get(DEBUG_VARIABLE):
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# OpenCV 5 has moved setLogLevel.
_LOGGING: Any = cv2 if hasattr(cv2, "setLogLevel") else vars(cv2.utils)["logging"]


def opened(
    source: int | str, *, api: int = cv2.CAP_ANY, parameters: Sequence[int] = ()
) -> cv2.VideoCapture | None:
    """A video file, camera number or URL opened through OpenCV; None if it cannot be.

    Args:
        source: a file's path, a camera's number or a URL.
        api: one of OpenCV's CAP_* backends.
        parameters: pairs of a CAP_PROP_* and its value that hold while it is opened already.
    """
    if not os.environ.get(DEBUG_VARIABLE):
        # OpenCV warns of each camera it does not find. A level, and not a swapped descriptor: this
        # runs in a camera's thread while others write to stderr.
        _LOGGING.setLogLevel(0)
    capture = cv2.VideoCapture()
    try:
        capture.open(source, api, list(parameters))  # type: ignore[call-overload,unused-ignore]
    except cv2.error:
        return None
    return capture if capture.isOpened() else None
