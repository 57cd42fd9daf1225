"""Where pictures come from: files, folders, globs, video files, cameras and streams."""

import glob
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import SourceError, quoted, reason
from edge.native_log import DEBUG_VARIABLE, hidden_native_log
from edge.preprocessing import Pixels

_PICTURES = "jpg jpeg jpe jfif png gif bmp webp tif tiff ppm pgm pbm pnm jp2 avif"
_VIDEOS = "mp4 mov avi mkv webm m4v mpg mpeg mjpeg mjpg wmv"
PICTURE_SUFFIXES = frozenset("." + suffix for suffix in _PICTURES.split())
VIDEO_SUFFIXES = frozenset("." + suffix for suffix in _VIDEOS.split())

# FFmpeg, inside OpenCV, would report each stream's end on stderr; -8 is its level "quiet". OpenCV
# reads this when it first opens a video.
if not os.environ.get(DEBUG_VARIABLE):
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

# A camera that is open but sends nothing for this long is not working.
FRAME_SECONDS = 10.0


@dataclass(frozen=True)
class Item:
    """One picture to classify. `picture` is a path, or the pixels of frame number `frame`."""

    source: str
    picture: Path | Pixels
    frame: int | None = None


@dataclass(frozen=True)
class Problem:
    """Something that was asked for and could not be read, in one line."""

    message: str


def is_hidden(path: Path, *, below: Path) -> bool:
    """Whether `path` or a folder between it and `below` is hidden (its name starts with a dot)."""
    return any(part.startswith(".") for part in path.relative_to(below).parts)


def pictures_in(folder: Path) -> list[Path]:
    """All pictures and videos in `folder` and its subfolders, by name; hidden ones left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in PICTURE_SUFFIXES | VIDEO_SUFFIXES
        and path.is_file()
        and not is_hidden(path, below=folder)
    )


def files(arguments: Sequence[str]) -> Iterator[Item | Problem]:
    """The pictures, and the frames of the videos, that paths, folders and globs name, in order.

    A path that does not exist is passed on as it is: it fails when it is read, alone.
    """
    for argument in arguments:
        path = Path(argument)
        try:
            exists, is_folder = path.exists(), path.is_dir()
        except OSError as error:
            # Not every error counts as "does not exist": a folder closed to us, too long a name.
            yield Problem(f"{quoted(path)}: {reason(error)}")
            continue
        if is_folder:
            found = pictures_in(path)
            if not found:
                yield Problem(f"{quoted(path)}: a folder with no pictures in it")
        elif not exists and glob.has_magic(argument):
            found = [Path(name) for name in sorted(glob.iglob(argument, recursive=True))]
            found = [path for path in found if path.is_file()]
            if not found:
                yield Problem(f"{quoted(path)}: matches no file")
        else:
            found = [path]
        for path in found:
            if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file():
                try:
                    yield from video(path)
                except SourceError as error:
                    yield Problem(str(error))
            else:
                yield Item(str(path), path)


def video(path: Path) -> Iterator[Item]:
    """Every frame of a video file, in order.

    Raises:
        SourceError: the file cannot be opened as a video, or holds no frame.
    """
    capture = _open(str(path))
    frame = 0
    try:
        while True:
            read, pixels = capture.read()
            if not read:
                break
            frame += 1
            yield Item(str(path), _rgb(pixels), frame)
    finally:
        capture.release()
    if not frame:
        raise SourceError(f"{quoted(path)}: not a video that can be read")


class Camera:
    """A live camera or stream, read by a thread that keeps the newest frame only.

    Iterating gives each time the newest frame that has not been given yet, so a classifier slower
    than the camera skips frames instead of falling behind. Use it as a context manager.
    """

    def __init__(self, source: int | str) -> None:
        """Open camera number `source`, or the device path or URL that it is.

        Raises:
            SourceError: there is no such camera, or it sends no pictures.
        """
        self.name = f"camera {source}" if isinstance(source, int) else source
        self._capture = _open(source)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._changed = threading.Condition()
        self._newest: Any = None
        self._count = 0
        self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True, name=self.name)
        self._thread.start()

    def __enter__(self) -> "Camera":
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        # A read that hangs in the driver must not keep the process; the thread is a daemon.
        self._thread.join(timeout=1.0)

    def __iter__(self) -> Iterator[Item]:
        given = 0
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda seen=given: self._ended or self._count > seen,  # type: ignore[misc]
                    timeout=FRAME_SECONDS,
                )
                pixels, count = self._newest, self._count
            if count == given and given:
                raise SourceError(f"{self.name}: stopped sending pictures after frame {given}")
            if count == given:
                raise SourceError(
                    f"{self.name}: opened, but sends no pictures; a Raspberry Pi CSI camera needs "
                    f"picamera2, and a camera can be open in one program at a time"
                )
            given = count
            yield Item(self.name, _rgb(pixels), count)

    def _read(self) -> None:
        try:
            while not self._ended:
                read, pixels = self._capture.read()
                if not read:
                    break
                with self._changed:
                    self._newest = pixels
                    self._count += 1
                    self._changed.notify_all()
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
            self._capture.release()


def _open(source: int | str) -> cv2.VideoCapture:
    with hidden_native_log():
        capture = cv2.VideoCapture()
        capture.open(source)  # type: ignore[call-overload,unused-ignore]
    if capture.isOpened():
        return capture
    if isinstance(source, int):
        raise SourceError(
            f"camera {source}: there is no such camera, or another program has it open; "
            f"`ls /dev/video*` lists the cameras on Linux"
        )
    raise SourceError(f"{quoted(source)}: cannot be opened as a video or camera")


def _rgb(frame: Any) -> Pixels:
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
