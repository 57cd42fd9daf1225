"""How long a video is, at which rate it plays, and whether it ends before its time."""

import struct
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import cv2

_USUAL_RATE = 25.0

# More than the index of a day's video takes; a damaged size must not fill the memory.
_MOST_INDEX_BYTES = 2**26

# The last part of a video without pictures that is no fault: sound may be longer, and of some kinds
# of files the duration is an estimate.
_MISSING_SHARE, _MISSING_SECONDS = 0.1, 0.4

# Behind this a video is no longer caught up with.
_LATE_SECONDS = 1.0

_T = TypeVar("_T")


def frame_rate(capture: cv2.VideoCapture) -> float:
    """Frames a second of an opened video; 25 where its own value is missing or implausible."""
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if 1 <= rate <= 240 else _USUAL_RATE


def paced(frames: Iterable[_T], rate: float) -> Iterator[_T]:
    """Frames at their time: `rate` a second, or slower where whoever takes them is."""
    due = time.monotonic()
    for frame in frames:
        now = time.monotonic()
        time.sleep(max(0.0, due - now))
        yield frame
        due = max(due, now - _LATE_SECONDS) + 1 / rate


def ends_early(capture: cv2.VideoCapture, path: Path, frames: int, last: float) -> str:
    """How a video that was read to its end falls short of its duration, in words; "" if not.

    Args:
        capture: of the video.
        path: its file.
        frames: how many it gave.
        last: where the last one lies, in seconds; 0 where that is not known.
    """
    count, rate = capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)
    if count < 1 or rate <= 0:
        return ""
    # Of a trimmed video the frames that are left out are counted all the same.
    seconds = _track_seconds(path) or count / rate
    shown = max(last + 1 / rate, frames / rate)
    missing = seconds - shown
    if missing < max(_MISSING_SECONDS, _MISSING_SHARE * seconds):
        return ""
    return (
        f"ends after {shown:.1f} of {seconds:.1f} s, frame {frames:,} of {round(seconds * rate):,}"
    )


def _track_seconds(path: Path) -> float:
    """How long the pictures of an .mp4 or .mov are shown; 0 for another file.

    See ISO/IEC 14496-12, 8.2 and 8.3.
    """
    try:
        with path.open("rb") as file:
            index = _index(file)
        boxes = dict(_boxes(index))
        head = boxes[b"mvhd"]
        (scale,) = struct.unpack_from(">I", head, 20 if head[0] else 12)
        for kind, track in _boxes(index):
            parts = dict(_boxes(track)) if kind == b"trak" else {}
            if dict(_boxes(parts.get(b"mdia", b""))).get(b"hdlr", b"")[8:12] == b"vide":
                head = parts[b"tkhd"]
                (duration,) = struct.unpack_from(*(">Q", head, 28) if head[0] else (">I", head, 20))
                return float(duration / scale)
    except (OSError, KeyError, IndexError, struct.error, ZeroDivisionError):
        pass
    return 0.0


def _index(file: BinaryIO) -> bytes:
    """The content of a file's "moov" box, b"" without."""
    start = 0
    while True:
        file.seek(start)
        head = file.read(16)
        size, kind = struct.unpack(">I4s", head[:8])
        behind = 16 if size == 1 else 8
        if size == 1:
            (size,) = struct.unpack(">Q", head[8:])
        if kind == b"moov" and size <= _MOST_INDEX_BYTES:
            file.seek(start + behind)
            return file.read(size - behind)
        if size < behind or not kind.isalnum():
            return b""
        start += size


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kinds and contents of the boxes in a box."""
    start = 0
    while start + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, start)
        if size < 8:
            return
        yield kind, content[start + 8 : start + size]
        start += size
