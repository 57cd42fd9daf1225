"""The camera that options ask for."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial

from edgetl.edge.errors import SettingError
from edgetl.edge.sources.camera import live
from edgetl.edge.sources.camera_backends import parse_resolution
from edgetl.edge.sources.capture import CameraSettings, check_stream
from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.sources.options import CameraOptions
from edgetl.edge.sources.view import View, parse_roi


def camera_opener(
    options: CameraOptions,
) -> Callable[[], AbstractContextManager[Iterable[Item | Problem]]]:
    """What opens the camera; its options are checked now.

    Raises:
        SettingError: no camera is asked for, or one of its options is not allowed.
    """
    if options.camera is None:
        raise SettingError("no camera: give --camera 0 (or a device or URL)")
    check_stream(options.camera)
    resolution = parse_resolution(options.resolution) if options.resolution else None
    return partial(
        live,
        options.camera,
        backend=options.camera_backend,
        settings=CameraSettings(resolution, options.fps),
        view=View(options.rotate, parse_roi(options.roi) if options.roi else None),
        reconnect=options.reconnect,
        frozen_after=options.frozen_after,
        at_own_rate=options.at_own_rate,
    )
