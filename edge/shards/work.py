"""What is done with the pictures of a shard: they are classified, and each becomes a row."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.preprocessing import PREPROCESSING_VERSION
from edgetl.edge.model.runtime import choose_runtime, default_threads
from edgetl.edge.pipeline.inference import results
from edgetl.edge.pipeline.loaded import load, read_model
from edgetl.edge.pipeline.prefetch import Prefetcher, threads_each
from edgetl.edge.results.debounce import with_thresholds
from edgetl.edge.results.result import Result
from edgetl.edge.shards.manifest import Entry
from edgetl.edge.shards.options import ClassifyIndexOptions
from edgetl.edge.shards.remote_store import fetched, is_url
from edgetl.edge.sources.files import Item, Problem
from edgetl.edge.system.gc_disabled import gc_disabled

Row = Mapping[str, Any]


class Work(Protocol):
    """Something that makes a row of each picture of a shard.

    Attributes:
        schema: of the rows; it has id and error, which is null where there is none.
        sha256: of what the rows depend on besides the pictures.
    """

    schema: pa.Schema
    sha256: str

    def rows(self, root: str, entries: Sequence[Entry]) -> Iterator[Row]:
        """A row for each picture, in their order.

        Raises:
            EdgetlError: the work as a whole cannot go on.
        """


@dataclass(frozen=True)
class Settings:
    """What the classification of a picture depends on, besides the model's file."""

    values: Mapping[str, str]

    @classmethod
    def of(cls, options: ClassifyIndexOptions, model: ModelFile) -> "Settings":
        """Those of options, with what "auto" and default stand for here."""
        return cls(
            {
                "labels": hashlib.sha256("\n".join(model.labels).encode()).hexdigest()[:12],
                "normalize": str(model.normalization),
                "runtime": choose_runtime(options.runtime).name,
                "top-k": str(options.top_k),
                "threshold": str(options.threshold),
                "unknown-at": str(options.unknown_at),
                "preprocessing": str(PREPROCESSING_VERSION),
            }
        )


class Classification:
    """Pictures classified by one model; see `Work`."""

    schema = pa.schema(
        [
            pa.field("id", pa.int64(), nullable=False),
            pa.field("path", pa.string(), nullable=False),
            pa.field("label", pa.string()),
            pa.field("probability", pa.float32()),
            pa.field("labels", pa.list_(pa.string())),
            pa.field("probabilities", pa.list_(pa.float32())),
            pa.field("milliseconds", pa.float32()),
            pa.field("error", pa.string()),
        ]
    )

    def __init__(self, options: ClassifyIndexOptions, *, cores: int | None = None) -> None:
        """
        Args:
            options: the model, and what is shown of its results.
            cores: how many pictures are worked on at a time; default --threads, or the cores here,
                4 at most.

        Raises:
            ModelFileError, SettingError: the model, or an option, cannot be used.
        """
        with gc_disabled():
            self.model = read_model(options)
            self.settings = Settings.of(options, self.model)
            self._top_k = options.top_k
            self._cores = cores or options.threads or default_threads()
            threads = threads_each(len(self.model.content), self._cores)
            self._loaded = load(options, self.model, threads=threads)
        described = json.dumps([self.model.content_sha256, self.settings.values], sort_keys=True)
        self.sha256 = hashlib.sha256(described.encode()).hexdigest()

    def rows(self, root: str, entries: Sequence[Entry]) -> Iterator[Row]:
        """See `Work`; pictures are decoded and inferred by all cores, as `classify` does."""
        items = fetched(root, entries) if is_url(root) else _files(root, entries)
        prefetcher = Prefetcher(items, self.model.input_size, threads=self._cores)
        with closing(prefetcher):
            found = results(prefetcher, self._loaded.classifier, top_k=self._top_k)
            marked = with_thresholds(found, thresholds=self._loaded.thresholds)
            for entry, one in zip(entries, marked, strict=True):
                yield _row(entry, one)


def _files(root: str, entries: Sequence[Entry]) -> Iterator[Item]:
    folder = Path(root)
    for entry in entries:
        path = folder / entry.path
        yield Item(str(path), path)


def _row(entry: Entry, one: Result | Problem) -> Row:
    row: dict[str, Any] = {"id": entry.id, "path": entry.shown}
    if isinstance(one, Problem):
        message = one.message.encode("utf-8", "backslashreplace").decode()
        return {**row, "error": message}
    best = one.predictions[0]
    return {
        **row,
        "label": one.label,
        "probability": best.probability,
        "labels": [prediction.label for prediction in one.predictions],
        "probabilities": [prediction.probability for prediction in one.predictions],
        "milliseconds": one.milliseconds,
    }
