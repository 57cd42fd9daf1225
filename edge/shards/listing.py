"""The pictures below a folder or URL, one after another, without listing all of them first."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgetl.edge.errors import SourceError, quoted, reason
from edgetl.edge.shards.manifest import Entry
from edgetl.edge.shards.remote_listing import remote_listing
from edgetl.edge.shards.remote_store import is_url
from edgetl.edge.sources.file_kinds import is_video_file
from edgetl.edge.sources.files import Problem, pictures_in


class Listing(Protocol):
    """What a root holds, in an order that is the same each time.

    Attributes:
        root: the folder, absolute, or the URL.
        continues: whether `entries` begins behind `after`, and not at the start as ever.
        videos: how many were left out.
    """

    root: str
    continues: bool
    videos: int

    def entries(self, *, after: str | None) -> Iterator[Entry | Problem]:
        """The pictures; where it continues, those behind the path `after`.

        Raises:
            SourceError: the root cannot be read.
        """


def listing(photos: str) -> Listing:
    """The listing of what is named on the command line.

    Raises:
        SourceError: it is no folder.
        SettingError, MissingExtraError: there is no way to read such a URL.
    """
    return remote_listing(photos) if is_url(photos) else FolderListing(photos)


@dataclass
class FolderListing:
    """The pictures in a folder, as `classify` finds them."""

    root: str
    continues: bool = False
    videos: int = 0

    def __post_init__(self) -> None:
        try:
            # Who classifies may do so from another folder.
            self.root = os.path.abspath(self.root)  # noqa: PTH100 - links stay links
            with os.scandir(self.root):
                pass
        except OSError as error:
            raise SourceError(f"{quoted(self.root)}: {reason(error)}; name a folder") from error

    def entries(self, *, after: str | None) -> Iterator[Entry | Problem]:
        """See `Listing`. A file's ETag is the time of its last change, in ns, and its size."""
        below = len(os.path.join(self.root, ""))  # noqa: PTH118
        for path in pictures_in(Path(self.root)):
            if isinstance(path, Problem):
                yield path
                continue
            if is_video_file(path):
                self.videos += 1
                continue
            try:
                status = path.stat()
            except OSError as error:
                yield Problem(f"{quoted(path)}: {reason(error)}")
                continue
            yield Entry(str(path)[below:], status.st_size, _etag(status))


def refuse_changed(root: Path, entries: Iterable[Entry]) -> None:
    """See that pictures in a folder are as they were indexed.

    Raises:
        SourceError: one is gone or has changed.
    """
    for entry in entries:
        path = root / entry.path
        try:
            changed = _etag(path.stat()) != entry.etag
        except OSError as error:
            raise SourceError(
                f"{quoted(path)}: {reason(error)}; the index has it: put it back, or index "
                f"{quoted(root)} again into another folder"
            ) from error
        if changed:
            raise SourceError(
                f"{quoted(path)}: has changed since it was indexed; index {quoted(root)} again "
                f"into another folder"
            )


def _etag(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}"
