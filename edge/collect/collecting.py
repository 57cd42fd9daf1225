"""What `edgetl collect` does: photos from a camera into class folders, by a page or by itself."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from edgetl.edge.collect.doubts import ALIKE, Earlier, looks_of
from edgetl.edge.collect.options import CollectOptions
from edgetl.edge.collect.photo_folder import PhotoFolder
from edgetl.edge.errors import SinkError, SourceError, plural, quoted
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.preview.newest import Newest
from edgetl.edge.preview.serving import serve
from edgetl.edge.sources.build_camera import camera_opener
from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.sources.opencv_capture import opened
from edgetl.edge.sources.video_time import frame_rate
from edgetl.edge.system.messages import logger
from edgetl.edge.system.shutdown import GracefulShutdown


def collect(options: CollectOptions) -> Counter[str]:
    """Collect photos until the camera ends, `count` are saved or a signal comes.

    Returns:
        How many photos there are of each class at the end.

    Raises:
        SettingError: an option does not fit the others, or the camera.
        SourceError: the camera cannot be opened, or stops.
        SinkError: the folder cannot be written, or the page not served.
        MissingExtraError: the page's libraries are not installed.
    """
    open_camera = camera_opener(options)
    classes = options.classes.split(",") if options.classes else []
    photos = PhotoFolder(options.folder, [*classes, *([options.label] if options.label else [])])
    with GracefulShutdown() as shutdown, open_camera() as items:
        try:
            if options.label is not None:
                _collect_alone(options, photos, items, shutdown)
            else:
                _collect_with_page(options, photos, items)
        except KeyboardInterrupt:
            logger.info("stopped")
    return Counter({label: len(photos.photos(label)) for label in photos.classes})


def _collect_alone(
    options: CollectOptions,
    photos: PhotoFolder,
    items: Iterable[Item | Problem],
    shutdown: GracefulShutdown,
) -> None:
    assert options.label is not None
    doubts: Counter[str] = Counter()
    earlier = Earlier()
    saved = 0
    try:
        for pixels in _spaced(items, options):
            with shutdown.later():
                photos.add(pixels, options.label)
                saved += 1
                found = looks_of(pixels) + ([ALIKE] if earlier.is_alike(pixels) else [])
                doubts.update(found)
            if saved == options.count:
                break
    finally:
        words = ", ".join(f"{count} {doubt}" for doubt, count in doubts.most_common())
        remark = f"; {words}" if words else ""
        logger.info(f"{plural(saved, 'photo')} of {quoted(options.label)} saved{remark}")
    if options.count and saved < options.count:
        logger.warning(f"{quoted(options.camera)} ended before {options.count} photos")
    if not saved:
        raise SourceError(f"{quoted(options.camera)}: no photo was taken")


def _spaced(items: Iterable[Item | Problem], options: CollectOptions) -> Iterator[Pixels]:
    """The pictures, one in `every` seconds: of a video by its own time, else by the clock."""
    is_video = os.path.isfile(options.camera)  # noqa: PTH113 - where we may not look, as `live`
    rate = _rate_of(Path(options.camera)) if is_video else 0.0
    due = 0.0
    began: float | None = None
    for item in items:
        if isinstance(item, Problem):
            logger.warning(item.message)
            continue
        assert isinstance(item.picture, np.ndarray)
        if is_video:
            at = ((item.frame or 1) - 1) / rate
        else:
            assert item.arrived is not None
            began = item.arrived if began is None else began
            at = item.arrived - began
        if at >= due - 1e-6:
            due = max(due + options.every, at)
            yield item.picture


def _rate_of(path: Path) -> float:
    capture = opened(str(path))
    if capture is None:
        raise SourceError(f"{quoted(path)}: cannot be opened as a video")
    try:
        return frame_rate(capture)
    finally:
        capture.release()


def _collect_with_page(
    options: CollectOptions, photos: PhotoFolder, items: Iterable[Item | Problem]
) -> None:
    frames: Newest[Pixels] = Newest()

    def app() -> Any:
        from edgetl.edge.collect.routes import collect_app

        return collect_app(photos, frames, prefix=options.preview_prefix or "")

    page = serve(
        app,
        options.address,
        option="collect",
        stop=frames.close,
        names=options.preview_host,
        prefix=options.preview_prefix or "",
    )
    logger.info(f"collect: {page.url}")
    with closing(page):
        for item in items:
            if isinstance(item, Problem):
                logger.warning(item.message)
                continue
            assert isinstance(item.picture, np.ndarray)
            frames.write(item.picture)
            if not page.running():
                raise SinkError(f"the page at {page.url} has stopped; start edgetl again")
