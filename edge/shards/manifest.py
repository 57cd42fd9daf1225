"""The list of pictures that `edgetl index` writes and `classify --index` reads.

A folder with _index.json and shard-00000.parquet, shard-00001.parquet, ..., each of as many rows
but the last. A row is a picture. _index.json is written last: an index without it is not finished.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from edgetl.edge.errors import RecordError, SettingError, newer, quoted, reason
from edgetl.edge.sources.folders import is_hidden, is_system_folder
from edgetl.edge.system.files import read_json, replacing, sync_folder, write_json
from edgetl.edge.system.json_record import DamagedError, from_json

FORMAT = 1
# Who reads a folder as one Parquet data set passes over names with an underscore in front.
INDEX_NAME = "_index.json"
_MOST_JSON_BYTES = 1_000_000

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        # Parquet's strings are UTF-8, and names of files on Linux need not be.
        pa.field("path_bytes", pa.binary()),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("etag", pa.string()),
    ]
)


@dataclass(frozen=True)
class Entry:
    """A picture of an index.

    Attributes:
        path: below the index's root, as Python has it: bytes that are no UTF-8 as surrogates.
        size: in bytes.
        etag: changes when the picture does; None where the store has none.
        id: its number in the index, from 0.
    """

    path: str
    size: int
    etag: str | None
    id: int = -1

    @property
    def shown(self) -> str:
        """The path as Unicode: bytes that are no UTF-8 are written as backslash and number."""
        return self.path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Manifest:
    """A finished index, _index.json.

    Attributes:
        root: the folder or URL that paths are below.
        rows: all pictures.
        shard_rows: of each shard but the last.
        identity: SHA-256 of all rows and the root.
    """

    root: str
    rows: int
    shard_rows: int
    identity: str
    format: int = FORMAT

    @property
    def shards(self) -> int:
        """How many there are."""
        return -(-self.rows // self.shard_rows)

    def rows_of(self, shard: int) -> int:
        """How many pictures a shard has."""
        return min(self.shard_rows, self.rows - shard * self.shard_rows)


@dataclass(frozen=True)
class ShardHeader:
    """What a shard's file says of it, as text in Parquet's metadata.

    Attributes:
        root, shard_rows: as the manifest has them.
        number: from 0.
        rows: how many it has.
        rows_sha256: of its rows.
        walked_sha256: of the paths of all rows up to its end.
        last: the last path, "" without.
    """

    root: str
    shard_rows: int
    number: int
    rows: int
    rows_sha256: str
    walked_sha256: str

    @classmethod
    def of(cls, metadata: Mapping[bytes, bytes]) -> "ShardHeader":
        """Of a file's metadata. Raises ValueError and KeyError where it is another file's."""
        text = {
            name: os.fsdecode(metadata[f"edgetl.{name}".encode()])
            for name in cls.__dataclass_fields__
        }
        numbers = {name: int(text[name]) for name in ("shard_rows", "number", "rows")}
        return cls(**{**text, **numbers})  # type: ignore[arg-type]

    def metadata(self) -> dict[bytes, bytes]:
        """For a file's metadata."""
        return {f"edgetl.{k}".encode(): os.fsencode(str(v)) for k, v in asdict(self).items()}


def shard_name(number: int) -> str:
    """The name of a shard's file, in the index and among the results."""
    return f"shard-{number:05}.parquet"


def refuse_other_files(folder: Path, option: str, *, first: str, own: str) -> None:
    """Refuse to begin in a folder that has other files, as that of the photos has.

    Args:
        folder: need not be there.
        option: that names it, for the message.
        first: the file that says what the folder is; with it, it may have more.
        own: what else may be there, as a pattern.

    Raises:
        SettingError: it has.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:  # what is the matter is said when it is made
        return
    # Another process may begin it just now: this file is looked for last.
    if (
        any(
            not (fnmatchcase(name, own) or is_hidden(name) or is_system_folder(name))
            for name in names
        )
        and not (folder / first).exists()
    ):
        raise SettingError(
            f"{option} {quoted(folder)}: holds other files; name a new or an empty folder"
        )


def rows_sha256(entries: Iterable[Entry]) -> str:
    """SHA-256 of the paths, sizes and ETags of rows."""
    digest = hashlib.sha256()
    for entry in entries:
        path = entry.path.encode("utf-8", "surrogateescape")
        digest.update(b"%b\0%d\0%b\n" % (path, entry.size, (entry.etag or "").encode()))
    return digest.hexdigest()


def identity_of(root: str, headers: Iterable[str]) -> str:
    """SHA-256 of an index: of its root, and of each shard's `rows_sha256`."""
    return hashlib.sha256(
        "\n".join([root, *headers]).encode("utf-8", "surrogateescape")
    ).hexdigest()


def write_shard(folder: Path, header: ShardHeader, entries: Sequence[Entry]) -> None:
    """Write a shard, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    columns: dict[str, list[Any]] = {
        "id": [entry.id for entry in entries],
        "path": [entry.shown for entry in entries],
        "path_bytes": [_path_bytes(entry.path) for entry in entries],
        "size": [entry.size for entry in entries],
        "etag": [entry.etag for entry in entries],
    }
    write_table(folder / shard_name(header.number), columns, SCHEMA, header.metadata())


def write_table(
    path: Path, columns: Mapping[str, Any], schema: pa.Schema, metadata: Mapping[bytes, bytes]
) -> None:
    """Write a Parquet file, whole or not at all, so that it is on the disk.

    Raises:
        OSError: it cannot be written.
    """
    table = pa.table(dict(columns), schema=schema.with_metadata(dict(metadata)))
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    sync_folder(path.parent)


def _path_bytes(path: str) -> bytes | None:
    return None if _is_unicode(path) else path.encode("utf-8", "surrogateescape")


def _is_unicode(path: str) -> bool:
    return path.isascii() or not any("\udc80" <= character <= "\udcff" for character in path)


def read_header(path: Path) -> ShardHeader | None:
    """What a shard's file says of itself; None if it is no shard of an index.

    Raises:
        OSError: it cannot be read, or is not there.
    """
    try:
        return ShardHeader.of(pq.read_metadata(path).metadata or {})
    except (pa.ArrowInvalid, ValueError, KeyError):
        return None


def read_shard(folder: Path, number: int) -> list[Entry]:
    """The pictures of a shard.

    Raises:
        RecordError: it is missing or damaged.
    """
    path = folder / shard_name(number)
    try:
        table = pq.read_table(path, columns=SCHEMA.names, partitioning=None)
    except OSError as error:
        raise RecordError(f"{quoted(path)}: {reason(error)}; run edgetl index again") from error
    except pa.ArrowException as error:
        raise RecordError(f"{quoted(path)}: damaged; delete it, run edgetl index again") from error
    return [
        Entry(
            path=row["path"] if row["path_bytes"] is None else os.fsdecode(row["path_bytes"]),
            size=row["size"],
            etag=row["etag"],
            id=row["id"],
        )
        for row in table.to_pylist()
    ]


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write _index.json, which says that the index is finished.

    Raises:
        OSError: it cannot be written.
    """
    write_json(folder / INDEX_NAME, asdict(manifest))
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a finished index.

    Raises:
        RecordError: there is none, it is not finished, or _index.json is damaged or newer.
    """
    path = folder / INDEX_NAME
    damaged = f"{quoted(path)}: damaged; delete it, run edgetl index again"
    try:
        found = read_json(path, at_most=_MOST_JSON_BYTES)
        manifest: Manifest = from_json(Manifest, found)
    except (FileNotFoundError, NotADirectoryError):
        raise RecordError(_why_no_index(folder)) from None
    except OSError as error:
        raise RecordError(f"{quoted(path)}: {reason(error)}") from error
    except (ValueError, DamagedError) as error:
        raise RecordError(damaged) from error
    if manifest.format > FORMAT:
        raise RecordError(newer(path))
    if manifest.format < 1 or manifest.shard_rows < 1 or manifest.rows < 0:
        raise RecordError(damaged)
    return manifest


def _why_no_index(folder: Path) -> str:
    if folder.is_file():
        return f"{quoted(folder)}: is a file; name the folder that edgetl index made"
    if (folder / shard_name(0)).exists():
        return f"{quoted(folder)}: not finished; run the same edgetl index again to continue"
    return f"{quoted(folder)}: no index; make one with: edgetl index PHOTOS --out {quoted(folder)}"
