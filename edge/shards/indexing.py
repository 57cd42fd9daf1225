"""What `edgetl index` does: pictures to shards of a manifest, one after another.

Each shard is written under a temporary name and renamed. A listing has the same order each time, so
that a run that was stopped goes on behind the last shard that is there.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from edgetl.edge.errors import (
    RecordError,
    SettingError,
    SinkError,
    SourceError,
    plural,
    quoted,
    reason,
)
from edgetl.edge.shards.listing import Listing, listing
from edgetl.edge.shards.manifest import (
    INDEX_NAME,
    Entry,
    Manifest,
    ShardHeader,
    identity_of,
    read_header,
    read_manifest,
    read_shard,
    refuse_other_files,
    rows_sha256,
    shard_name,
    write_manifest,
    write_shard,
)
from edgetl.edge.shards.options import IndexOptions
from edgetl.edge.shards.progress import Progress, stopped_said
from edgetl.edge.sources.files import Problem
from edgetl.edge.system.masking import masked
from edgetl.edge.system.messages import logger
from edgetl.edge.system.shutdown import GracefulShutdown


@dataclass(frozen=True)
class Indexed:
    """An index that is finished.

    Attributes:
        manifest: what it is.
        new: how many pictures were listed by this run.
        videos: how many were left out.
        problems: folders and files that could not be looked at.
    """

    manifest: Manifest
    new: int = 0
    videos: int = 0
    problems: int = 0


def index(options: IndexOptions) -> Indexed:
    """List pictures into an index, or go on with one that was stopped.

    Raises:
        SourceError: the pictures' folder cannot be read, or holds none.
        SettingError: the index is one of other pictures, or they changed since it was begun.
        SinkError: it cannot be written.
        MissingExtraError: pyarrow or fsspec is not installed.
    """
    photos = listing(options.photos)
    if options.out.exists() and not options.out.is_dir():
        raise SettingError(f"--out {quoted(options.out)}: is a file; name a folder")
    if (options.out / INDEX_NAME).exists():
        manifest = read_manifest(options.out)
        _check_same(options, photos.root, manifest.root, manifest.shard_rows)
        return Indexed(manifest)
    refuse_other_files(options.out, "--out", first=INDEX_NAME, own="shard-*.parquet")
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        with GracefulShutdown(), stopped_said():
            return _indexed(options, photos)
    except OSError as error:
        raise SinkError(f"{quoted(options.out)}: cannot be written: {reason(error)}") from error


def _indexed(options: IndexOptions, photos: Listing) -> Indexed:
    headers = list(_headers(options, photos.root))
    before = sum(header.rows for header in headers)
    after = read_shard(options.out, len(headers) - 1)[-1].path if headers else None
    entries = _Entries(photos.entries(after=after))
    if headers:
        logger.info("continuing after %s", plural(before, "picture"))
        if not photos.continues:
            _check_walked(options, entries, headers)
    last = headers[-1] if headers else None
    if last and last.rows < options.shard_rows and next(entries, None):
        raise _changed(options)
    digests = [header.rows_sha256 for header in headers]
    walked = last.walked_sha256 if last else ""
    rows = before
    progress = Progress("pictures listed")
    while entries_of_one := list(islice(entries, options.shard_rows)):
        numbered = [replace(one, id=rows + place) for place, one in enumerate(entries_of_one)]
        walked = _walked_sha256(walked, numbered)
        header = ShardHeader(
            root=photos.root,
            shard_rows=options.shard_rows,
            number=len(digests),
            rows=len(numbered),
            rows_sha256=rows_sha256(numbered),
            walked_sha256=walked,
        )
        write_shard(options.out, header, numbered)
        digests.append(header.rows_sha256)
        rows += len(numbered)
        progress.add(len(numbered))
    if not rows:
        raise SourceError(f"{quoted(masked(photos.root))}: no pictures in it")
    identity = identity_of(photos.root, digests)
    manifest = Manifest(photos.root, rows, options.shard_rows, identity)
    write_manifest(options.out, manifest)
    return Indexed(manifest, rows - before, photos.videos, entries.problems)


class _Entries(Iterator[Entry]):
    """The pictures of a listing; problems are logged and counted."""

    def __init__(self, found: Iterable[Entry | Problem]) -> None:
        self._found = iter(found)
        self.problems = 0

    def __next__(self) -> Entry:
        while isinstance(one := next(self._found), Problem):
            self.problems += 1
            logger.warning(one.message)
        return one


def _headers(options: IndexOptions, root: str) -> Iterator[ShardHeader]:
    """Of the shards that are there, from the first on."""
    number = 0
    while (path := options.out / shard_name(number)).exists():
        header = read_header(path)
        if header is None or header.number != number:
            raise RecordError(f"{quoted(path)}: no shard of an index; name another --out")
        _check_same(options, root, header.root, header.shard_rows)
        yield header
        number += 1


def _check_same(options: IndexOptions, root: str, of: str, shard_rows: int) -> None:
    out = quoted(options.out)
    if of != root:
        raise SettingError(f"{out}: an index of {quoted(masked(of))}; name another --out")
    if shard_rows != options.shard_rows:
        raise SettingError(
            f"{out}: was begun with --shard-rows {shard_rows}; give the same, or another --out"
        )


def _check_walked(
    options: IndexOptions, entries: Iterator[Entry], headers: list[ShardHeader]
) -> None:
    """See that a listing begins with the pictures of the shards that are there."""
    walked = ""
    for header in headers:
        walked = _walked_sha256(walked, islice(entries, header.rows))
        if walked != header.walked_sha256:
            raise _changed(options)


def _walked_sha256(before: str, entries: Iterable[Entry]) -> str:
    digest = hashlib.sha256(before.encode())
    for entry in entries:
        digest.update(entry.path.encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()


def _changed(options: IndexOptions) -> SettingError:
    out: Path = options.out
    return SettingError(
        f"{quoted(out)}: pictures were added or removed since it was begun; delete it, and index "
        f"again"
    )
