"""What `edgetl collect` does: photos from a camera into class folders, by a page or by itself."""

from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from typing import Any

import numpy as np

from edgetl.edge.collect.doubts import ALIKE, Earlier, looks_of
from edgetl.edge.collect.options import CollectOptions
from edgetl.edge.collect.photo_folder import PhotoFolder
from edgetl.edge.collect.wanted import wanted_of
from edgetl.edge.errors import SinkError, SourceError, plural, quoted
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.preview.newest import Newest
from edgetl.edge.preview.serving import serve
from edgetl.edge.sources.build_camera import camera_opener
from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.sources.spacing import clock_of, spaced
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
        for item in spaced(items, options.every, clock=clock_of(options.camera)):
            if item is None:
                continue
            if isinstance(item, Problem):
                logger.warning(item.message)
                continue
            pixels = item.picture
            assert isinstance(pixels, np.ndarray)
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


def _collect_with_page(
    options: CollectOptions, photos: PhotoFolder, items: Iterable[Item | Problem]
) -> None:
    frames: Newest[Pixels] = Newest()
    wanted = wanted_of(options.folder)

    def app() -> Any:
        from edgetl.edge.collect.routes import collect_app

        return collect_app(photos, frames, wanted)

    page = serve(
        app,
        options.address,
        option="collect",
        stop=frames.close,
        names=options.preview_host,
        prefix=options.preview_prefix,
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
