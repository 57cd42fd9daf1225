"""A folder of results: one Parquet file for each shard, all by one model with one set of settings.

_results.json says which, and is written first: nothing is mixed. A shard's file says in its
metadata of which pictures and what work its rows are, and one that does not fit is done again.
"""

import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from edgetl import __version__
from edgetl.edge.errors import RecordError, SettingError, SinkError, quoted, reason
from edgetl.edge.shards.claims import LOCK_NAME, Claims
from edgetl.edge.shards.manifest import (
    INDEX_NAME,
    read_header,
    refuse_other_files,
    shard_name,
    write_table,
)
from edgetl.edge.system.files import read_json, write_json
from edgetl.edge.system.json_record import DamagedError, from_json
from edgetl.edge.system.masking import masked
from edgetl.edge.system.messages import logger

FORMAT = 1
RESULTS_NAME = "_results.json"
_MOST_JSON_BYTES = 10_000_000
_WORK, _ROWS, _ERRORS, _VERSION = (
    f"edgetl.{name}".encode() for name in ("work", "rows_sha256", "errors", "version")
)


@dataclass(frozen=True)
class Purpose:
    """What all results of a folder have in common.

    Attributes:
        index: the identity of the index.
        root: where its pictures are.
        model_sha256: of the model's file.
        settings: what else the results depend on, as text.
    """

    index: str
    root: str
    model_sha256: str
    settings: Mapping[str, str]
    format: int = FORMAT


class ResultsFolder:
    """A folder of results that this process may add shards to."""

    def __init__(self, folder: Path, purpose: Purpose, *, work: str, option: str = "--out") -> None:
        """Open it, or begin it.

        Args:
            folder: made if it is not there.
            purpose: what all results in it have in common.
            work: SHA-256 of what the results of a picture depend on.
            option: that names the folder, for messages.

        Raises:
            SettingError: it holds an index, other files, as that of the photos does, or results of
                another index or model, or with other settings.
            RecordError: what says so is damaged.
            SinkError: it cannot be written.
        """
        self.path = folder
        self._work = work.encode()
        # Results have the names of the index's shards, and would replace these.
        if (folder / INDEX_NAME).exists() or _holds_index(folder / shard_name(0)):
            raise SettingError(f"{option} {quoted(folder)}: holds an index; name another folder")
        refuse_other_files(folder, option, first=RESULTS_NAME, own=LOCK_NAME)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.claims = Claims(folder)
            # Two that begin at once must not both be the first.
            with self.claims.of_folder():
                if not (folder / RESULTS_NAME).exists():
                    write_json(folder / RESULTS_NAME, asdict(purpose))
        except FileExistsError as error:
            raise SettingError(f"{option} {quoted(folder)}: is a file; name a folder") from error
        except OSError as error:
            raise SinkError(f"{quoted(folder)}: cannot be written: {reason(error)}") from error
        _check_same(folder, _read_purpose(folder, option), purpose, option)

    def errors_of(self, shard: int, rows_sha256: str) -> int | None:
        """How many rows of a shard's results are errors; None if it is not done.

        Args:
            shard: its number.
            rows_sha256: of its pictures, as the index has it.
        """
        path = self.path / shard_name(shard)
        try:
            metadata = pq.read_metadata(path).metadata or {}
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException):
            metadata = {}
        if (metadata.get(_WORK), metadata.get(_ROWS)) == (self._work, rows_sha256.encode()):
            with suppress(KeyError, ValueError):
                return int(metadata[_ERRORS])
        return None

    def write(
        self,
        shard: int,
        columns: Mapping[str, list[object]],
        schema: pa.Schema,
        *,
        rows_sha256: str,
        errors: int,
    ) -> None:
        """Write a shard's results, whole or not at all.

        Raises:
            SinkError: they cannot be written.
        """
        metadata = {
            _WORK: self._work,
            _ROWS: rows_sha256.encode(),
            _ERRORS: str(errors).encode(),
            _VERSION: __version__.encode(),
        }
        path = self.path / shard_name(shard)
        if path.exists():
            logger.warning("%s: was damaged, or of other pictures; it is done again", quoted(path))
        try:
            self._remove_leftovers(shard)
            write_table(path, columns, schema, metadata)
        except OSError as error:
            raise SinkError(f"{quoted(path)}: cannot be written: {reason(error)}") from error

    def _remove_leftovers(self, shard: int) -> None:
        """Remove what killed processes wrote of a shard that is this process's now."""
        for path in self.path.glob(f".part-*-{shard_name(shard)}"):
            path.unlink(missing_ok=True)


def _holds_index(shard: Path) -> bool:
    """Whether a file is a shard of an index, as of one that is not finished."""
    try:
        return read_header(shard) is not None
    except OSError:
        return False


def _read_purpose(folder: Path, option: str) -> Purpose:
    path = folder / RESULTS_NAME
    try:
        found: Purpose = from_json(Purpose, read_json(path, at_most=_MOST_JSON_BYTES))
    except OSError as error:
        raise RecordError(f"{quoted(path)}: {reason(error)}") from error
    except (ValueError, DamagedError) as error:
        raise RecordError(f"{quoted(path)}: damaged; name another {option}") from error
    return found


def _free_name(folder: Path) -> str:
    """A folder that is not there, as it is typed."""
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return shlex.quote(quoted(next(path for path in numbered if not path.exists())))


def _check_same(folder: Path, there: Purpose, wanted: Purpose, option: str) -> None:
    if there == wanted:
        return
    if there.index != wanted.index and there.root == wanted.root:
        raise SettingError(
            f"{quoted(folder)}: holds results of {quoted(masked(there.root))} as it was before "
            f"it was indexed again; name a new folder: {option} {_free_name(folder)}"
        )
    if there.index != wanted.index:
        what = f"another index, of {quoted(masked(there.root))}"
    elif there.model_sha256 != wanted.model_sha256:
        what = f"another model, SHA-256 {there.model_sha256[:12]}"
    else:
        names = sorted({*there.settings, *wanted.settings})
        what = "other settings: " + ", ".join(
            f"{name} {quoted(there.settings.get(name, 'unset'))}"
            for name in names
            if there.settings.get(name) != wanted.settings.get(name)
        )
    raise SettingError(f"{quoted(folder)}: holds results of {what}; name another {option}")
