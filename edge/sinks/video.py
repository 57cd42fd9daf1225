"""Results as a video with the labels in the picture."""

import math
import shutil
from datetime import datetime
from pathlib import Path
from typing import Protocol

import cv2

from edgetl.edge.errors import PictureError, SinkError, quoted, reason
from edgetl.edge.results.annotate import annotated, shown_size
from edgetl.edge.results.result import Result
from edgetl.edge.sources.opencv_capture import opencv_path, opened
from edgetl.edge.sources.video_time import frame_rate

# An .mp4 can be played only once its index is written behind the pictures, and OpenCV does not
# report a write that fails: so the video ends while there is room left.
_FREE_BYTES = 64 * 2**20
_CAMERA_RATE = 15.0
_LONGEST_STILL = 2.0
_PHOTO_RATE = 25.0
_PHOTO_SECONDS = 1.0


class Pace(Protocol):
    """How results become frames of a constant rate."""

    def rate(self, result: Result) -> float:
        """Frames a second of the video that `result` is the first of."""

    def copies(self, result: Result) -> int:
        """How many frames `result` is shown for; 0 leaves it out."""


class RealTime:
    """For a live camera: the video runs in real time, at 15 frames a second.

    A gap longer than two seconds, such as a camera that was away, is cut out.
    """

    def __init__(self) -> None:
        self._start: datetime | None = None
        self._frames = 0

    def rate(self, result: Result) -> float:
        return _CAMERA_RATE

    def copies(self, result: Result) -> int:
        if self._start is None:
            self._start = result.time
        due = (result.time - self._start).total_seconds() * _CAMERA_RATE - self._frames
        if not -_CAMERA_RATE < due < _LONGEST_STILL * _CAMERA_RATE:
            self._start, self._frames, due = result.time, 0, 0.0
        copies = max(0, math.floor(due) + 1)
        self._frames += copies
        return copies


class OwnTime:
    """For files: videos keep their duration, photos are shown for a second each.

    The rate is the first file's, 25 frames a second where that is a photo. Frames of a video
    of another rate are repeated or left out.
    """

    def __init__(self) -> None:
        self._rate: float | None = None
        self._video: str | None = None
        self._video_rate = _PHOTO_RATE
        self._due = 0.0
        self._frames = 0

    def rate(self, result: Result) -> float:
        if self._rate is None:
            self._rate = _PHOTO_RATE if result.frame is None else _rate_of(result.source)
        return self._rate

    def copies(self, result: Result) -> int:
        rate = self.rate(result)
        if result.frame is None:
            self._due += rate * _PHOTO_SECONDS
        else:
            if result.source != self._video:
                self._video, self._video_rate = result.source, _rate_of(result.source)
            self._due += rate / self._video_rate
        copies = round(self._due) - self._frames
        self._frames += copies
        return copies


def _rate_of(video: str) -> float:
    capture = opened(video)
    if capture is None:
        return _PHOTO_RATE
    rate = frame_rate(capture)
    capture.release()
    return rate


class VideoSink:
    """An .mp4 of the size of the first frame; a frame of another size gets black bars.

    It can be played once it is closed.
    """

    def __init__(self, path: Path, pace: Pace) -> None:
        """Make the file.

        Raises:
            SinkError: it cannot be made, exists, or its name does not end in .mp4.
        """
        self._path = path
        self._name = quoted(path)
        self._pace = pace
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        if path.suffix.lower() != ".mp4":
            raise SinkError(f"{self._name}: a video is saved as .mp4; let its name end so")
        try:
            self._opencv_path = opencv_path(str(path))
        except UnicodeEncodeError:
            raise SinkError(
                f"{self._name}: the name is not UTF-8, so OpenCV cannot write it; give another"
            ) from None
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            raise SinkError(f"{self._name}: is there already; name another file") from None
        except OSError as error:
            raise SinkError(f"{self._name}: {reason(error)}") from error

    def write(self, result: Result) -> None:
        copies = self._pace.copies(result)
        if not copies:
            return
        if shutil.disk_usage(self._path.parent).free < _FREE_BYTES:
            raise SinkError(f"{self._name}: only 64 MB of the disk are free; the video ends here")
        writer = self._writer or self._open(result)
        try:
            frame = annotated(result, size=self._size)
        except PictureError:
            # A file that was deleted since it was classified.
            return
        bgr = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR)
        for _ in range(copies):
            writer.write(bgr)

    def close(self) -> None:
        if self._writer is None:
            self._path.unlink(missing_ok=True)
            return
        self._writer.release()
        capture = opened(str(self._path))
        if capture is None or not capture.read()[0]:
            raise SinkError(f"{self._name}: could not be finished and cannot be played")

    def _open(self, result: Result) -> cv2.VideoWriter:
        self._size = height, width = shown_size(result.picture)
        codec = cv2.VideoWriter.fourcc(*"mp4v")
        rate = self._pace.rate(result)
        writer = cv2.VideoWriter(self._opencv_path, codec, rate, (width, height))
        if not writer.isOpened():
            raise SinkError(f"{self._name}: this OpenCV cannot write such a video")
        self._writer = writer
        return writer
