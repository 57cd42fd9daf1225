"""What `edgetl review` does: a page on which a person sorts what a device has seen."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgetl.edge.collect.photo_folder import PhotoFolder
from edgetl.edge.errors import ModelFileError, SinkError, SourceError, plural, quoted
from edgetl.edge.model.latest import latest_model
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.preview.serving import Serving, serve
from edgetl.edge.review.fetching import fetch
from edgetl.edge.review.grouping import grouped
from edgetl.edge.review.options import ReviewOptions
from edgetl.edge.review.reading import GreyReader, ModelReader, Picture, Reader, read_pictures
from edgetl.edge.review.review_folder import ReviewFolder
from edgetl.edge.sources.file_kinds import is_picture_file
from edgetl.edge.sources.files import Problem, pictures_in
from edgetl.edge.system.extras import need_extra
from edgetl.edge.system.messages import logger
from edgetl.edge.system.shutdown import GracefulShutdown

_LOOK_SECONDS = 0.2
_SAID_SECONDS = 10.0


@dataclass
class Desk:
    """What the page shows: how many of the pictures are read, and all of them once they are.

    The reading thread alone changes it.
    """

    total: int = 0
    read: int = 0
    review: ReviewFolder | None = None


@dataclass(frozen=True)
class Reviewed:
    """How a review went: how many pictures went into each class, were discarded, and are left."""

    sorted: dict[str, int] = field(default_factory=dict)
    discarded: int = 0
    left: int = 0


def review(options: ReviewOptions) -> Reviewed:
    """Serve the page until a signal comes; a device's pictures are fetched first.

    Raises:
        SettingError: an option does not fit this machine.
        SourceError: there is no such folder, or it cannot be fetched.
        ModelFileError: the model cannot be used.
        SinkError: the folder of photos cannot be written, or the page not served.
        MissingExtraError: the page's libraries are not installed.
    """
    need_extra("preview", needs="review")
    desk = Desk()
    with GracefulShutdown():
        try:
            if options.remote is not None:
                fetch(options.remote, options.local)
            files = _files(options.local)
            if not files:
                logger.info(f"{quoted(options.local)}: no pictures to review")
                return Reviewed()
            desk.total = len(files)
            _review(options, files, desk)
        except KeyboardInterrupt:
            logger.info("stopped")
    done = desk.review
    if done is None:
        return Reviewed(left=desk.total)
    return Reviewed(dict(done.sorted), done.discarded, len(done.left))


def _review(options: ReviewOptions, files: Sequence[str], desk: Desk) -> None:
    reader = _reader(options.model)
    photos = PhotoFolder(options.into)

    def app() -> Any:
        from edgetl.edge.review.routes import review_app

        return review_app(desk)

    page = serve(
        app,
        options.address,
        option="review",
        stop=lambda: None,
        names=options.preview_host,
        prefix=options.preview_prefix,
    )
    logger.info(f"review: {page.url}")
    with closing(page):
        pictures = list(_read(options.local, files, reader, desk))
        desk.review = ReviewFolder(
            options.local,
            photos,
            pictures,
            grouped(pictures),
            fetched=options.remote is not None,
        )
        _wait(page)


def _wait(page: Serving) -> None:
    while page.running():
        time.sleep(_LOOK_SECONDS)
    raise SinkError(f"the page at {page.url} has stopped; start edgetl again")


def _read(folder: Path, files: Sequence[str], reader: Reader, desk: Desk) -> Iterator[Picture]:
    said = time.monotonic()
    for one in read_pictures(folder, files, reader):
        desk.read += 1
        if time.monotonic() - said > _SAID_SECONDS:
            said = time.monotonic()
            logger.info(f"looked at {desk.read:,} of {plural(desk.total, 'picture')}")
        if isinstance(one, Problem):
            logger.warning(one.message)
        else:
            yield one


def _files(folder: Path) -> list[str]:
    if folder.is_file():
        raise SourceError(f"{quoted(folder)}: a file; name its folder")
    if folder.exists() and not folder.is_dir():
        raise SourceError(f"{quoted(folder)}: a pipe or device, not a folder; name a folder")
    if not folder.is_dir():
        raise SourceError(f"{quoted(folder)}: no such folder; classify --snapshots DIR makes one")
    found = []
    for one in pictures_in(folder):
        if isinstance(one, Problem):
            logger.warning(one.message)
        elif is_picture_file(one):
            found.append(one.relative_to(folder).as_posix())
    return found


def _reader(path: Path | None) -> Reader:
    try:
        found = path or latest_model()
    except ModelFileError as error:
        logger.info(f"{error}; until then a class is suggested by what a picture says of itself")
        return GreyReader()
    if path is None:
        logger.info(f"model {quoted(found)}")
    return ModelReader(read_model_file(found))
