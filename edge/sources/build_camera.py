"""The cameras that options ask for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.sources.camera import Camera
from edgetl.edge.sources.camera_backends import parse_resolution
from edgetl.edge.sources.capture import CameraSettings, check_stream
from edgetl.edge.sources.files import Item, Problem, video
from edgetl.edge.sources.names import NamedCamera, is_clip, parse_camera
from edgetl.edge.sources.options import CameraOptions, CamerasOptions, ReadingOptions
from edgetl.edge.sources.several import Cameras
from edgetl.edge.sources.view import Roi, View, cropped, parse_roi
from edgetl.edge.system.masking import masked

_Frame: TypeAlias = Item | Problem
Opener: TypeAlias = Callable[[], AbstractContextManager[Iterable[_Frame]]]

# What is classified of a camera: the source of its results, "" for the camera's, and where it is.
_Parts: TypeAlias = Sequence[tuple[str, Roi | None]]


def camera_opener(options: CameraOptions) -> Opener:
    """What opens the one camera; its options are checked now.

    Raises:
        SettingError: no camera is asked for, or one of its options is not allowed.
    """
    if options.camera is None:
        raise SettingError("no camera: give --camera 0 (or a device or URL)")
    if parse_camera(options.camera).name:
        raise SettingError(
            f"--camera {quoted(masked(options.camera))}: one camera is read here, and it has no "
            f"name; leave out what is before the ="
        )
    roi = parse_roi(options.roi) if options.roi else None
    return _opener(options, options.camera, roi=roi)


def cameras_opener(options: CamerasOptions) -> Opener:
    """What opens the cameras, which give each part of a frame by itself; options are checked now.

    Raises:
        SettingError: no camera is asked for, or one of its options is not allowed.
    """
    if not options.cameras:
        raise SettingError("no camera: give --camera 0 (or a device or URL)")
    parts = {one.name: _parts(one) for one in options.cameras}
    if len(options.cameras) > 1:
        openers = [_opener(options, one.camera, called=one.name) for one in options.cameras]
        return partial(_in_parts, partial(_several, openers), parts.__getitem__)
    (one,) = options.cameras
    ((source, roi), *others) = parts[one.name]
    if source:
        opener = _opener(options, one.camera, called=one.name)
        return partial(_in_parts, opener, lambda _: parts[one.name])
    assert not others
    return _opener(options, one.camera, roi=roi)


def _opener(
    options: ReadingOptions, camera: str, *, called: str = "", roi: Roi | None = None
) -> Opener:
    """What opens a camera, or a video file, of which it gives every frame."""
    check_stream(camera)
    if not camera:
        raise SettingError(
            "a camera needs a name: give its number, as in --camera 0, a path or a URL"
        )
    resolution = parse_resolution(options.resolution) if options.resolution else None
    settings, view = CameraSettings(resolution, options.fps), View(options.rotate, roi)
    if is_clip(camera):
        if settings != CameraSettings():
            raise SettingError(
                f"{quoted(camera)}: a video file has its own size and rate; leave --resolution and "
                f"--fps out"
            )
        clip = partial(video, Path(camera), view=view, at_own_rate=options.at_own_rate)
        return lambda: nullcontext(clip())
    return partial(
        Camera,
        int(camera) if camera.isdecimal() else camera,
        called=called,
        backend=options.camera_backend,
        settings=settings,
        view=view,
        reconnect=options.reconnect,
        frozen_after=options.frozen_after,
    )


def _several(openers: Sequence[Opener]) -> Cameras:
    return Cameras([partial(_live_camera, opener) for opener in openers])


def _live_camera(opener: Opener) -> Camera:
    camera = opener()
    assert isinstance(camera, Camera)  # a video file was refused when the options were made
    return camera


def _parts(camera: NamedCamera) -> _Parts:
    return [(one.source, parse_roi(one.roi) if one.roi else None) for one in camera.parts]


@contextmanager
def _in_parts(opener: Opener, parts_of: Callable[[str], _Parts]) -> Iterator[Iterator[_Frame]]:
    """The cameras of an opener, each part of a frame as a frame; `parts_of` is by camera."""
    with opener() as items:
        yield _parts_of_each(items, parts_of)


def _parts_of_each(items: Iterable[_Frame], parts_of: Callable[[str], _Parts]) -> Iterator[_Frame]:
    for item in items:
        if isinstance(item, Problem):
            yield item
            continue
        picture = item.picture
        assert isinstance(picture, np.ndarray)
        for source, roi in parts_of(item.source):
            yield replace(item, source=source, picture=cropped(picture, roi) if roi else picture)
