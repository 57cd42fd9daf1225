"""Features of all pictures of an index, a file for each shard: computed, and read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from edgetl.edge.errors import RecordError, SettingError, quoted, reason
from edgetl.edge.shards.engine import Shards, check_root
from edgetl.edge.shards.manifest import Entry, Manifest, read_manifest, read_shard, shard_name
from edgetl.edge.shards.options import Part
from edgetl.edge.shards.outcome import IndexOutcome, numbers_of, outcome_of
from edgetl.edge.shards.progress import Progress, stopped_said
from edgetl.edge.shards.remote_store import is_url
from edgetl.edge.shards.results_folder import Purpose, ResultsFolder
from edgetl.edge.system.masking import masked
from edgetl.edge.system.shutdown import GracefulShutdown
from edgetl.trainer.indexed.work import STORED, PooledFeatures
from edgetl.trainer.recipe import Recipe

# Features that are read at a time.
_ROWS = 4096


@dataclass(frozen=True)
class IndexedPhoto:
    """A picture of an index.

    Attributes:
        entry: of the index.
        digest: of its pixels, "" where it could not be read.
        error: why it could not be read.
    """

    entry: Entry
    digest: str
    error: str | None


@dataclass(frozen=True)
class IndexedFeatures:
    """The features of an index's pictures.

    Attributes:
        shards: of the index, and the folder of their features.
        channels: how many features a picture has.
    """

    shards: Shards
    channels: int

    @property
    def index(self) -> Path:
        """The index's folder."""
        return self.shards.index

    @property
    def folder(self) -> Path:
        """Where the features are."""
        return self.shards.results.path

    @property
    def root(self) -> Path:
        """The folder of the pictures."""
        return Path(self.shards.manifest.root)

    def photos(self) -> Iterator[list[IndexedPhoto]]:
        """The pictures of each shard.

        Raises:
            RecordError: a shard of the index, or its features, are missing or damaged.
        """
        for number in range(self.shards.manifest.shards):
            digests: list[str | None] = []
            errors: list[str | None] = []
            for batch in self._batches(number, ["pixels_sha256", "error"]):
                digests += batch.column("pixels_sha256").to_pylist()
                errors += batch.column("error").to_pylist()
            entries = read_shard(self.index, number)
            yield [
                IndexedPhoto(entry, digest or "", error)
                for entry, digest, error in zip(entries, digests, errors, strict=True)
            ]

    def blocks(self, chosen: npt.NDArray[np.bool_]) -> Iterator[npt.NDArray[np.float16]]:
        """The features of some pictures, in the index's order: float16 [pictures, channels] each.

        Args:
            chosen: whether each picture of the index is one of them; all of these can be read.

        Raises:
            RecordError: a file is missing or damaged.
        """
        for number in range(self.shards.manifest.shards):
            for batch in self._batches(number, ["id", "features"]):
                wanted = chosen[batch.column("id").to_numpy()]
                if wanted.any():
                    yield self._array(batch.column("features"))[wanted]

    def _array(self, column: pa.FixedSizeBinaryArray) -> npt.NDArray[np.float16]:
        # As they lie in memory: what is null there is any bytes.
        values = np.frombuffer(column.buffers()[1], STORED).reshape(-1, self.channels)
        return values[column.offset : column.offset + len(column)]

    def _batches(self, number: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
        path = self.folder / shard_name(number)
        try:
            with pq.ParquetFile(path) as file:
                yield from file.iter_batches(_ROWS, columns=columns)
        except OSError as error:
            raise RecordError(
                f"{quoted(path)}: {reason(error)}; delete it, and run the same command again"
            ) from error
        except pa.ArrowException as error:
            raise RecordError(
                f"{quoted(path)}: damaged; delete it, and run the same command again"
            ) from error


def read_folder_index(index: Path) -> Manifest:
    """The manifest of an index whose pictures are in a folder, and there.

    Raises:
        RecordError: the index is missing, not finished or damaged.
        SettingError: its pictures are in a store.
        SourceError: the folder is not there, or is empty.
    """
    manifest = read_manifest(index)
    if is_url(manifest.root):
        raise SettingError(
            f"{quoted(index)}: is of {quoted(masked(manifest.root))}, and training reads "
            f"pictures in a folder; mount or copy them, and index that folder"
        )
    check_root(manifest.root)
    return manifest


def compute_features(
    index: Path, folder: Path, recipe: Recipe, *, cache: Path, part: Part | None = None
) -> tuple[IndexedFeatures, IndexOutcome]:
    """Compute the features of an index's pictures; shards that are done are left as they are.

    A signal ends it with the shard in work lost; the next run goes on.

    Args:
        index: a folder that `edgetl index` made, of pictures in a folder.
        folder: for the features.
        recipe: see `PooledFeatures`.
        cache: where converted networks are.
        part: of the shards; default all that no other process does.

    Raises:
        RecordError, SettingError, SourceError: those of `read_folder_index`.
        SettingError: the folder holds features of another index, of other weights or another size;
            or the weights cannot be read.
        SourceError: a picture has changed since it was indexed.
        SinkError: the features cannot be written.
    """
    with GracefulShutdown(), stopped_said():
        manifest = read_folder_index(index)
        work = PooledFeatures(recipe, cache=cache)
        purpose = Purpose(manifest.identity, manifest.root, work.weights_sha256, work.settings)
        results = ResultsFolder(folder, purpose, work=work.sha256, option="--features")
        shards = Shards(index, manifest, results)
        numbers = numbers_of(part, manifest.shards)
        progress = Progress("pictures", total=sum(map(manifest.rows_of, numbers)))
        outcome = outcome_of(
            shards.do_each(numbers, work, on_rows=progress.add), progress, reported=True
        )
        return IndexedFeatures(shards, work.channels), outcome
