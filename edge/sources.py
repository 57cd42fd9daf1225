"""Where pictures come from: files, folders, globs and video files. Cameras are in edge.camera."""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.errors import SourceError, quoted, reason
from edge.opencv_capture import opened
from edge.preprocessing import Pixels
from edge.view import View

_PICTURES = "jpg jpeg jpe jfif png gif bmp webp tif tiff ppm pgm pbm pnm jp2 avif"
_VIDEOS = "mp4 mov avi mkv webm m4v mpg mpeg mjpeg mjpg wmv"
PICTURE_SUFFIXES = frozenset("." + suffix for suffix in _PICTURES.split())
VIDEO_SUFFIXES = frozenset("." + suffix for suffix in _VIDEOS.split())


@dataclass(frozen=True)
class Item:
    """One picture to classify.

    Attributes:
        source: the file, camera or stream.
        picture: a path, or pixels, uint8 [height, width, 3] RGB.
        frame: its number in a video or of a camera, from 1.
        arrived: when a camera's frame arrived, in seconds of time.monotonic().
    """

    source: str
    picture: Path | Pixels
    frame: int | None = None
    arrived: float | None = None


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


def video(path: Path, *, view: View | None = None) -> Iterator[Item]:
    """Every frame of a video file, in order, seen as `view` has it.

    Raises:
        SourceError: the file cannot be opened as a video, or holds no frame.
    """
    capture = opened(str(path))
    if capture is None:
        raise SourceError(f"{quoted(path)}: cannot be opened as a video or camera")
    view = view or View()
    frame = 0
    try:
        while True:
            read, pixels = capture.read()
            if not read:
                break
            frame += 1
            yield Item(str(path), view.of(pixels), frame)
    finally:
        capture.release()
    if not frame:
        raise SourceError(f"{quoted(path)}: not a video that can be read")
