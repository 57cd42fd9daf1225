"""Opening videos, cameras and streams with OpenCV, without its log on stderr."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy.typing as npt

from edgetl.edge.errors import SourceError, quoted
from edgetl.edge.system.masking import masked
from edgetl.edge.system.native_log import DEBUG_VARIABLE

# FFmpeg, inside OpenCV, would report each stream's end on stderr; -8 is its level "quiet". OpenCV
# reads this when it first opens a video.
if not os.environ.get(DEBUG_VARIABLE):
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# OpenCV 5 has moved setLogLevel.
_LOGGING: Any = cv2 if hasattr(cv2, "setLogLevel") else vars(cv2.utils)["logging"]

# Debian 12's takes FFmpeg's angles for clockwise ones: it turns a quarter the wrong way.
_TURNS_BACKWARDS = cv2.__version__.startswith("4.6.")


def opened(
    source: int | str, *, api: int = cv2.CAP_ANY, parameters: Sequence[int] = ()
) -> cv2.VideoCapture | None:
    """A video file, camera number or URL opened through OpenCV; None if it cannot be.

    Args:
        source: a file's path, a camera's number or a URL.
        api: one of OpenCV's CAP_* backends.
        parameters: pairs of a CAP_PROP_* and its value that hold while it is opened already.

    Raises:
        SourceError: `source` is not UTF-8, or a video that this OpenCV cannot turn upright.
    """
    name = source
    if isinstance(source, str):
        source = _spelled(source)
    if not os.environ.get(DEBUG_VARIABLE):
        # OpenCV warns of each camera it does not find. A level, and not a swapped descriptor: this
        # runs in a camera's thread while others write to stderr.
        _LOGGING.setLogLevel(0)
    capture = cv2.VideoCapture()
    try:
        capture.open(source, api, list(parameters))  # type: ignore[call-overload,unused-ignore]
    except cv2.error:
        return None
    if not capture.isOpened():
        return None
    _let_turn(capture, name)
    return capture


def upright_frames(capture: cv2.VideoCapture) -> Iterator[npt.NDArray[Any]]:
    """The frames of an opened video, BGR, turned as its file says: a phone's is upright."""
    turned = round(capture.get(cv2.CAP_PROP_ORIENTATION_META)) in (90, 270)
    while True:
        read, frame = capture.read()
        if not read:
            return
        yield cv2.rotate(frame, cv2.ROTATE_180) if turned and _TURNS_BACKWARDS else frame


def _let_turn(capture: cv2.VideoCapture, source: int | str) -> None:
    # It is what OpenCV does by itself, in each version but 4.11.
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    degrees = round(capture.get(cv2.CAP_PROP_ORIENTATION_META))
    if degrees in (90, 180, 270) and not capture.get(cv2.CAP_PROP_ORIENTATION_AUTO):
        capture.release()
        raise SourceError(
            f"{quoted(masked(str(source)))}: to be turned by {degrees} degrees, which this OpenCV "
            f"{cv2.__version__} does not do; convert the video: ffmpeg -i IN OUT.mp4"
        )


def opencv_path(path: str) -> str:
    """The path of a file as OpenCV is to be given it.

    Raises:
        UnicodeEncodeError: the path is not UTF-8, which OpenCV's Python binding crashes on.
    """
    path.encode()
    # FFmpeg takes what precedes a colon for a protocol, as in 12:00.mp4. Not an absolute path: the
    # folder we are in may have a name that is not UTF-8.
    return os.path.join(os.curdir, path)  # noqa: PTH118


def _spelled(source: str) -> str:
    try:
        path = opencv_path(source)
    except UnicodeEncodeError:
        # A URL may hold a password.
        name = "the stream" if "://" in source else quoted(source)
        raise SourceError(
            f"{name}: its name is not UTF-8, so OpenCV cannot open it; rename it"
        ) from None
    # Not Path.exists, which raises where a URL is longer than a file's name can be.
    return path if os.path.exists(path) else source  # noqa: PTH110
