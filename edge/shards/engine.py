"""Work on the shards of an index: one after another, none twice, none lost by a kill."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgetl.edge.errors import RecordError, SourceError, quoted, reason
from edgetl.edge.shards.manifest import Manifest, read_header, read_shard, shard_name
from edgetl.edge.shards.remote_store import is_url
from edgetl.edge.shards.results_folder import ResultsFolder
from edgetl.edge.shards.work import Row, Work

# After so many rows the progress is reported.
_REPORTED_ROWS = 100


@dataclass(frozen=True)
class ShardDone:
    """A shard whose results are in the folder.

    Attributes:
        number: from 0.
        rows: how many it has.
        errors: how many of them are pictures that could not be read.
        before: whether it was done before, by whatever process.
    """

    number: int
    rows: int
    errors: int
    before: bool


@dataclass(frozen=True)
class Shards:
    """The shards of an index, and where their results go."""

    index: Path
    manifest: Manifest
    results: ResultsFolder

    def done(self, number: int) -> ShardDone | None:
        """What is known of a shard that is done; None if it is not.

        Raises:
            RecordError: the index lacks it.
        """
        errors = self.results.errors_of(number, self._rows_sha256(number))
        if errors is None:
            return None
        return ShardDone(number, self.manifest.rows_of(number), errors, before=True)

    def _rows_sha256(self, number: int) -> str:
        path = self.index / shard_name(number)
        try:
            header = read_header(path)
        except OSError as error:
            raise RecordError(f"{quoted(path)}: {reason(error)}; run edgetl index again") from error
        if header is None or header.rows != self.manifest.rows_of(number):
            raise RecordError(f"{quoted(path)}: no shard of this index; run edgetl index again")
        return header.rows_sha256

    def do(self, number: int, work: Work, *, on_rows: Callable[[int], None]) -> ShardDone:
        """Do the work of a shard, and write its results under its name.

        Args:
            number: of the shard.
            work: what is done with its pictures.
            on_rows: is called now and then with how many rows were done since.

        Raises:
            SourceError: the pictures' folder is not there, or a store fails.
            RecordError: the shard is missing or damaged.
            SinkError: the results cannot be written.
        """
        entries = read_shard(self.index, number)
        columns: dict[str, list[Any]] = {name: [] for name in work.schema.names}
        unreported = 0
        for row in work.rows(self.manifest.root, entries):
            _append(columns, row)
            unreported += 1
            if unreported == _REPORTED_ROWS:
                on_rows(unreported)
                unreported = 0
        errors = sum(error is not None for error in columns["error"])
        if errors:
            check_root(self.manifest.root)
        self.results.write(
            number,
            columns,
            work.schema,
            rows_sha256=self._rows_sha256(number),
            errors=errors,
        )
        on_rows(unreported)
        return ShardDone(number, len(entries), errors, before=False)

    def do_each(
        self, numbers: Iterable[int], work: Work, *, on_rows: Callable[[int], None]
    ) -> Iterator[ShardDone]:
        """Do the shards that are not done and that no other process is at.

        The others' are waited for at the end, and done here where that process has ended.

        Raises:
            Whatever `do` does.
        """
        others = []
        for number in numbers:
            done = self._do_if_free(number, work, on_rows=on_rows, wait=False)
            if done is None:
                others.append(number)
            else:
                yield done
        for number in others:
            done = self._do_if_free(number, work, on_rows=on_rows, wait=True)
            assert done is not None
            yield done

    def _do_if_free(
        self, number: int, work: Work, *, on_rows: Callable[[int], None], wait: bool
    ) -> ShardDone | None:
        if done := self.done(number):
            return done
        with self.results.claims.claimed(number, wait=wait) as free:
            if not free:
                return None
            # Another process may have done it meanwhile.
            return self.done(number) or self.do(number, work, on_rows=on_rows)


def _append(columns: Mapping[str, list[Any]], row: Row) -> None:
    for name, column in columns.items():
        column.append(row.get(name))


def check_root(root: str) -> None:
    """See that the pictures' folder is there: a disk that is not mounted has an empty one.

    Raises:
        SourceError: it is not, or is empty. (A store that is away says so itself.)
    """
    if is_url(root):
        return
    try:
        with os.scandir(root) as entries:
            there = next(entries, None) is not None
    except OSError as error:
        raise SourceError(
            f"{quoted(root)}: {reason(error)}; the index lists its pictures, mount it"
        ) from error
    if not there:
        raise SourceError(f"{quoted(root)}: is empty; the index lists its pictures, mount it")
