"""Pictures from files, folders, globs and video files. Cameras are in `camera`."""

import glob
import itertools
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2

from edgetl.edge.errors import ModelFileError, SourceError, quoted, reason
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.sources.file_kinds import is_picture_file, is_video_file
from edgetl.edge.sources.folders import (
    Identity,
    PassedOver,
    identity,
    is_folder,
    is_hidden,
    why_passed_over,
)
from edgetl.edge.sources.left_out import LeftOut
from edgetl.edge.sources.opencv_capture import opened, upright_frames
from edgetl.edge.sources.video_time import ends_early, frame_rate, paced
from edgetl.edge.sources.view import View
from edgetl.edge.system.messages import logger

# How many names of a folder are sorted at a time: about a megabyte.
_RUN = 10_000

_T = TypeVar("_T")


@dataclass(frozen=True)
class Item:
    """One picture to classify.

    Attributes:
        source: the file, camera or stream.
        picture: a path, encoded bytes, or pixels, uint8 [height, width, 3] RGB.
        frame: its number in a video or of a camera, from 1.
        arrived: when a camera's frame arrived, in seconds of time.monotonic().
    """

    source: str
    picture: Path | bytes | Pixels
    frame: int | None = None
    arrived: float | None = None


@dataclass(frozen=True)
class Problem:
    """Something that was asked for and could not be read, in one line."""

    message: str


@contextmanager
def missing_files_first(names: Iterable[str]) -> Iterator[None]:
    """While a model is read: a file that is missing too is named in its place.

    It comes first on the command line, and is the likelier mistake.

    Raises:
        SourceError: one is missing, and the block raised a ModelFileError.
    """
    try:
        yield
    except ModelFileError:
        for name in names:
            if name != "-" and not glob.has_magic(name) and not os.path.exists(name):  # noqa: PTH110
                message = f"{quoted(name)}: no such file or directory"
                raise SourceError(message) from None
        raise


# From a video file to what is classified of it.
Frames = Callable[[Path], Iterator[Item | Problem]]


def pictures_in(folder: Path, *, written: Path | None = None) -> Iterator[Path | Problem]:
    """All pictures and videos in `folder` and its subfolders; hidden ones are left out.

    They come folder by folder, by name; of a folder with more than 10,000 names, 10,000 are taken
    and sorted at a time. So memory is bounded by 10,000 names for each level of folders, whatever
    they hold. A subfolder that cannot be read is a Problem. Links to folders are followed, but not
    in circles; system folders and edgetl's own are passed over. At the end, a warning counts the
    files that are neither pictures nor videos, and names the folders passed over.

    Args:
        folder: to walk.
        written: a folder that this run writes pictures into, passed over too: there would be no end
            of them.
    """
    # A stack, and not recursion: folders can be nested deeper than Python calls.
    stack, above = [_entries(folder)], [_identity(folder)]
    targets: set[Identity] = set()
    left_out = LeftOut()
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            above.pop()
        elif isinstance(entry, Problem):
            yield entry
        elif is_hidden(entry.name):
            continue
        elif is_folder(entry):
            why = _why_passed_over(entry, above, targets, written)
            if isinstance(why, Problem):
                yield why
            elif why is not None:
                left_out.add_folder(entry.name, why)
            else:
                stack.append(_entries(Path(entry.path)))
                above.append(_identity(Path(entry.path)))
        elif is_picture_file(path := Path(entry.path)) or is_video_file(path):
            yield from _if_file(entry)
        else:
            left_out.add_file(entry.name)
    if words := left_out.words():
        logger.warning("%s: left out %s", quoted(folder), words)


def _why_passed_over(
    entry: "os.DirEntry[str]",
    above: Collection[Identity],
    targets: set[Identity],
    written: Path | None,
) -> PassedOver | Problem | None:
    folder = Path(entry.path)
    try:
        return why_passed_over(
            folder, is_link=entry.is_symlink(), above=above, targets=targets, written=written
        )
    except OSError as error:
        return Problem(f"{quoted(folder)}: {reason(error)}")


def _identity(folder: Path) -> Identity:
    try:
        return identity(folder)
    except OSError:  # it has gone meanwhile, which `_entries` says
        return -1, -1


def _if_file(path: "Path | os.DirEntry[str]") -> Iterator[Path | Problem]:
    """The path if it is a file; a Problem if a link goes in a circle or where we may not look."""
    try:
        if path.is_file():
            yield Path(path)
    except OSError as error:
        yield Problem(f"{quoted(Path(path))}: {reason(error)}")


def _entries(folder: Path) -> "Iterator[os.DirEntry[str] | Problem]":
    try:
        with os.scandir(folder) as entries:
            yield from _in_runs(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Problem(f"{quoted(folder)}: {reason(error)}")


def _in_runs(values: Iterable[_T], *, key: Callable[[_T], str]) -> Iterator[_T]:
    """Values sorted 10,000 at a time."""
    iterator = iter(values)
    while run := sorted(itertools.islice(iterator, _RUN), key=key):
        yield from run


def files(
    arguments: Iterable[str],
    *,
    stdin: int = 0,
    frames: Frames | None = None,
    written: Path | None = None,
) -> Iterator[Item | Problem]:
    """The pictures, and the frames of the videos, that paths, folders and globs name, in order.

    A path that does not exist is passed on as it is: it fails when it is read, alone. "-" stands
    for the paths of files and folders on stdin, one a line; each is passed on when its line is
    there. Nothing is listed in memory but what `pictures_in` says, and for a glob the names of one
    folder and 10,000 paths.

    Args:
        arguments: paths, globs and "-".
        stdin: the file descriptor that "-" reads.
        frames: those of a video file; default all of them, as fast as they are read. A SourceError
            becomes a Problem.
        written: a folder that this run writes pictures into: see `pictures_in`.
    """
    frames = frames or video
    for found in _found(arguments, stdin, written):
        if isinstance(found, Problem):
            yield found
        else:
            yield from _items(found, frames)


def _found(arguments: Iterable[str], stdin: int, written: Path | None) -> Iterator[Path | Problem]:
    for argument in arguments:
        if argument == "-":
            try:
                for line in _lines(stdin):
                    yield from _named(line, written, globs=False)
            except SourceError as error:
                yield Problem(str(error))
        else:
            yield from _named(argument, written, globs=True)


def _named(argument: str, written: Path | None, *, globs: bool) -> Iterator[Path | Problem]:
    path = Path(argument)
    try:
        exists, is_folder = path.exists(), path.is_dir()
    except (OSError, ValueError) as error:
        # Not every error counts as "does not exist": a folder closed to us, too long a name, ...
        words = reason(error) if isinstance(error, OSError) else str(error)
        yield Problem(f"{quoted(path)}: {words}")
        return
    found: Iterator[Path | Problem]
    if is_folder:
        found, nothing = pictures_in(path, written=written), "a folder with no pictures in it"
    elif globs and not exists and glob.has_magic(argument):
        found, nothing = _matching(argument), "matches no file"
    else:
        found, nothing = iter([path]), ""
    empty = True
    for one in found:
        empty = False
        yield one
    if empty:
        yield Problem(f"{quoted(path)}: {nothing}")


def _matching(pattern: str) -> Iterator[Path | Problem]:
    for name in _in_runs(glob.iglob(pattern, recursive=True), key=str):
        yield from _if_file(Path(name))


def _items(path: Path, frames: Frames) -> Iterator[Item | Problem]:
    try:
        is_video = is_video_file(path) and path.is_file()
    except OSError as error:
        yield Problem(f"{quoted(path)}: {reason(error)}")
        return
    if not is_video:
        yield Item(str(path), path)
        return
    try:
        yield from frames(path)
    except SourceError as error:
        yield Problem(str(error))


def _lines(descriptor: int) -> Iterator[str]:
    """The lines of an open file as they come, without their ends; empty ones are left out.

    Raises:
        SourceError: it cannot be read.
    """
    rest = b""
    while chunk := _chunk(descriptor):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, (os.fsdecode(line.removesuffix(b"\r")) for line in lines))
    if rest:
        yield os.fsdecode(rest)


def _chunk(descriptor: int) -> bytes:
    try:
        # Not sys.stdin: a thread that waits in it holds its lock, and Python aborts at exit.
        return os.read(descriptor, 65536)
    except OSError as error:
        raise SourceError(f"stdin: {reason(error)}") from error


def video(
    path: Path, *, view: View | None = None, at_own_rate: bool = False
) -> Iterator[Item | Problem]:
    """Every frame of a video file, in order, and a Problem where it ends well before its time.

    Args:
        path: the file.
        view: how its frames are rotated and cropped.
        at_own_rate: whether it is played at its own rate, not as fast as its frames are taken.

    Raises:
        SourceError: the file cannot be opened as a video, or holds no frame.
    """
    capture = opened(str(path))
    if capture is None:
        raise SourceError(f"{quoted(path)}: cannot be opened as a video or camera")
    view = view or View()
    number, last = 0, 0.0
    try:
        frames = upright_frames(capture)
        for frame in paced(frames, frame_rate(capture)) if at_own_rate else frames:
            number += 1
            # OpenCV 4.6 has 0 for the last one.
            last = max(last, capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            yield Item(str(path), view.of(frame), number)
        if not number:
            raise SourceError(f"{quoted(path)}: {_why_no_frame(capture)}")
        if early := ends_early(capture, path, number, last):
            yield Problem(f"{quoted(path)}: {early}; it is damaged, or was not copied whole")
    finally:
        capture.release()


def _why_no_frame(capture: cv2.VideoCapture) -> str:
    code = round(capture.get(cv2.CAP_PROP_FOURCC))
    codec = code.to_bytes(4, "little", signed=code < 0).decode("ascii", "replace").strip()
    if capture.get(cv2.CAP_PROP_FRAME_COUNT) < 1 or not codec.isalnum():
        return "not a video that can be read"
    return (
        f"no picture of it can be decoded: this OpenCV may lack its codec ({codec}), or it is "
        f"damaged; convert it: ffmpeg -i IN -c:v libx264 OUT.mp4"
    )
