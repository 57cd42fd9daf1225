"""What several cameras and parts of their pictures are called: --camera door=0, --roi door/mat=...

Imports nothing heavy: options are checked by it.
"""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.system.masking import masked

# More than one device can classify alternately.
MOST_SOURCES = 64

_NAME = "[A-Za-z][A-Za-z0-9_-]{0,31}"
_RULE = "a name is letters, digits, - and _, at most 32, and begins with a letter"
_NAMED = re.compile(rf"({_NAME})=(.*)", re.DOTALL)
_NAMED_ROI = re.compile(rf"(?:({_NAME})/)?({_NAME})=(.*)", re.DOTALL)


@dataclass(frozen=True)
class Part:
    """What is classified of a camera's picture.

    Attributes:
        source: what its results are called; "" for what the camera itself is called.
        roi: X,Y,WIDTH,HEIGHT as `edge.sources.view.parse_roi` has it; None for all of it.
    """

    source: str = ""
    roi: str | None = None


@dataclass(frozen=True)
class NamedCamera:
    """A camera and its name, "" for none, and what is classified of it."""

    name: str
    camera: str
    parts: tuple[Part, ...] = (Part(),)


def is_clip(camera: str) -> bool:
    """Whether what a person calls a camera is a video file."""
    return os.path.isfile(camera)  # noqa: PTH113 - where we may not look, Path.is_file raises


def parse_camera(text: str) -> NamedCamera:
    """[NAME=]N|PATH|URL. A path that is there, a URL and a GStreamer pipeline have no name.

    Raises:
        SettingError: what stands before the = is no name, or nothing behind it.
    """
    before, equals, _ = text.partition("=")
    if not equals or re.search(r"[/:!\s]", before) or os.path.exists(text):  # noqa: PTH110
        return NamedCamera("", text)
    match = _NAMED.fullmatch(text)
    if match is None:
        raise SettingError(f"--camera {quoted(masked(text))}: {_RULE}, as in --camera door=0")
    if not match[2]:
        raise SettingError(f"--camera {text}: no camera; write --camera {match[1]}=0")
    return NamedCamera(match[1], match[2])


def named_cameras(cameras: Sequence[str], rois: Sequence[str]) -> tuple[NamedCamera, ...]:
    """Cameras with what is classified of each.

    Args:
        cameras: each as `parse_camera` has it. Of several, each needs a name.
        rois: X,Y,W,H, of one camera; or [CAMERA/]PART=X,Y,W,H, a part of each or of one.

    Raises:
        SettingError: they do not fit together.
    """
    found = [parse_camera(text) for text in cameras]
    _check_cameras(found)
    parts = [_parse_part(text) for text in rois]
    if not found:
        return ()
    unnamed = [roi for _, name, roi in parts if not name]
    if unnamed and (len(found) > 1 or len(parts) > 1):
        example = f"{found[0].name}/mat" if len(found) > 1 else "mat"
        raise SettingError(
            f"--roi {quoted(unnamed[0])}: of several, each needs a name; write --roi "
            f"{example}={quoted(unnamed[0])}"
        )
    names = [one.name for one in found]
    for camera, part, _ in parts:
        if camera and camera not in names:
            there = ", ".join(filter(None, names)) or "none with a name; write --camera NAME=..."
            raise SettingError(f"--roi {camera}/{part}: no camera {camera}; there is {there}")
    made = tuple(
        NamedCamera(one.name, one.camera, tuple(_parts_of(one.name, parts))) for one in found
    )
    _check_sources([part.source for one in made for part in one.parts])
    return made


def source_names(cameras: Iterable[NamedCamera]) -> tuple[str, ...]:
    """The names that results have as their source; none where one camera has none."""
    return tuple(part.source for one in cameras for part in one.parts if part.source)


def _parse_part(text: str) -> tuple[str, str, str]:
    """Camera, part and place; the first two may be ""."""
    if "=" not in text:
        return "", "", text
    match = _NAMED_ROI.fullmatch(text)
    if match is None:
        raise SettingError(
            f"--roi {quoted(text)}: {_RULE}; write PART=X,Y,W,H or CAMERA/PART=X,Y,W,H"
        )
    return match[1] or "", match[2], match[3]


def _parts_of(name: str, parts: Iterable[tuple[str, str, str]]) -> Iterable[Part]:
    """What is classified of the camera called `name`."""
    own = [(part, roi) for camera, part, roi in parts if camera in ("", name)]
    if not own:
        yield Part(name)
    for part, roi in own:
        yield Part("/".join(filter(None, (name, part))), roi)


def _check_cameras(found: Sequence[NamedCamera]) -> None:
    if len(found) < 2:
        return
    for one in found:
        shown = quoted(masked(one.camera))
        if not one.name:
            raise SettingError(
                f"--camera {shown}: of several, each needs a name; write --camera NAME={shown}"
            )
        if is_clip(one.camera):
            raise SettingError(
                f"--camera {one.name}={shown}: a video file is no live camera; classify it alone"
            )
    for what, values in (
        ("the name", [one.name for one in found]),
        ("the camera", [one.camera for one in found]),
    ):
        value, count = Counter(values).most_common(1)[0]
        if count > 1:
            fix = "give each its own" if what == "the name" else "name parts of it with --roi"
            raise SettingError(f"--camera: {what} {quoted(masked(value))} is given twice; {fix}")


def _check_sources(sources: Sequence[str]) -> None:
    source, count = Counter(sources).most_common(1)[0]
    if count > 1:
        raise SettingError(f"--roi {source} is given twice; give each part its own name")
    if len(sources) > MOST_SOURCES:
        raise SettingError(
            f"--camera and --roi: {len(sources)} sources, and at most {MOST_SOURCES} are "
            f"classified; leave some out"
        )
