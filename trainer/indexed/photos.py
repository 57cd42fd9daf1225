"""The photos of a training on an index: all for the head, and some for what looks at pixels.

The head is solved on the features of all training photos. Fine-tuning takes a fixed number of
steps, and figures need no more than some thousand held-out photos, so that these are drawn from
all, and go the way that the photos of any training go.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import DataError, RunFolderError, quoted, reason
from edgetl.edge.shards.listing import refuse_changed
from edgetl.trainer.data.checks import class_weights
from edgetl.trainer.data.copies import exclude_duplicates
from edgetl.trainer.data.dataset import Dataset, Excluded, counts, without
from edgetl.trainer.data.memory_mapped import write_rows
from edgetl.trainer.data.sampling import sampled
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.splitting import assign_splits
from edgetl.trainer.fitting.epochs import fine_tuned_photos
from edgetl.trainer.fitting.rows import HeadPhotos, Rows
from edgetl.trainer.indexed.features import IndexedFeatures, read_folder_index
from edgetl.trainer.indexed.work import STORED
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.run.folder import RunFolder
from edgetl.trainer.run.records import IndexRecord

# Photos that validate, and as many that test: the interval of an accuracy of 90 % is then less
# than two percentage points wide.
HELD_OUT = 5000


@dataclass(frozen=True)
class IndexedPhotos:
    """What a training on an index learns from.

    Attributes:
        sample: what is fine-tuned on, validates and tests, each photo in its split.
        head: features of all training photos.
        record: what config.json holds of the index.
    """

    sample: Dataset
    head: HeadPhotos
    record: IndexRecord


@dataclass(frozen=True)
class _Known:
    """What the index and its features say of photos.

    Attributes:
        ids: of each photo in the index, int [photos].
        digests: of the pixels, by file; without those that cannot be read.
        unreadable: the others.
    """

    ids: npt.NDArray[np.int64]
    digests: dict[str, str]
    unreadable: list[Excluded]


def scan_indexed(index: Path) -> Dataset:
    """The classes and photos in the folder that an index is of.

    Raises:
        RecordError, SettingError, SourceError: those of `read_folder_index`.
        DataError: it cannot be told what the classes are, or there are too few photos in one.
    """
    return scan(Path(read_folder_index(index).root))


def indexed_photos(
    found: Dataset, features: IndexedFeatures, recipe: Recipe, run: RunFolder
) -> IndexedPhotos:
    """Assign the splits of an index's pictures, as of any folder's, and draw the sample.

    The features of training photos are copied into the run folder, until it is finished.

    Args:
        found: by `scan_indexed`.
        features: of all pictures.
        recipe: its seed, and how many steps fine-tuning has.
        run: whose folder that is.

    Raises:
        DataError: photos are not in the index, or too few of a class can be used.
        SourceError: a photo has changed since it was indexed.
        RecordError: the index or the features are damaged.
        RunFolderError: the disk is full.
    """
    known = _known(found, features)
    single = exclude_duplicates(
        without(found, known.unreadable), known.digests, on_conflict=recipe.on_conflict
    )
    dataset = assign_splits(single, seed=recipe.seed, at_most=HELD_OUT)
    fine_tuned = fine_tuned_photos(recipe)
    sample = sampled(
        dataset,
        {"train": fine_tuned, "validation": HELD_OUT, "test": HELD_OUT},
        seed=recipe.seed,
    )
    pictures = counts(dataset, "train")
    if len(sample.examples) < len(dataset.examples):
        note = (
            f"the head is solved on all {sum(pictures.values()):,} training photos; fine-tuning "
            f"takes {len(sample.of('train')):,} of them, drawn at random; near-copies are looked "
            f"for among these and the photos held out"
        )
        sample = replace(sample, notes=(*sample.notes, note))
    weights = class_weights(pictures, recipe.class_weights)
    path = run.activations / "all-features.npy"
    head = HeadPhotos(_trained(features, found, known, dataset, path), weights)
    record = IndexRecord(str(features.index.resolve()), str(features.folder.resolve()), pictures)
    return IndexedPhotos(sample, head, record)


def _known(found: Dataset, features: IndexedFeatures) -> _Known:
    """Look up photos in the index by their paths.

    Raises:
        DataError: some are not in it.
        SourceError: one has changed since.
    """
    below = found.root.relative_to(features.root).as_posix()
    prefix = "" if below == "." else f"{below}/"
    index_of = {prefix + example.file: index for index, example in enumerate(found.examples)}
    ids = np.full(len(found.examples), -1, np.int64)
    digests: dict[str, str] = {}
    unreadable = []
    for shard in features.photos():
        mine = [(one, index_of.get(Path(one.entry.path).as_posix())) for one in shard]
        refuse_changed(features.root, (one.entry for one, index in mine if index is not None))
        for one, index in mine:
            if index is None:
                continue
            ids[index] = one.entry.id
            file = found.examples[index].file
            if one.error is None:
                digests[file] = one.digest
            else:
                unreadable.append(Excluded(file, one.error))
    _refuse_missing(found, ids, features)
    return _Known(ids, digests, unreadable)


def _refuse_missing(found: Dataset, ids: npt.NDArray[np.int64], features: IndexedFeatures) -> None:
    missing = np.flatnonzero(ids < 0)
    if not len(missing):
        return
    first = found.path(found.examples[missing[0]])
    raise DataError(
        f"{quoted(first)}: is not in the index {quoted(features.index)} ({len(missing):,} of "
        f"{len(ids):,} photos are not); index {quoted(features.root)} again into another folder"
    )


def _trained(
    features: IndexedFeatures, found: Dataset, known: _Known, dataset: Dataset, path: Path
) -> Rows:
    """The features of all training photos, in one file in the index's order.

    Raises:
        RunFolderError: the file cannot be written.
    """
    trained = [example for example in dataset.examples if example.split == "train"]
    id_of = dict(zip((example.file for example in found.examples), known.ids, strict=True))
    class_of = np.full(features.shards.manifest.rows, -1, np.int64)
    class_of[[id_of[example.file] for example in trained]] = dataset.classes_of(trained)
    chosen = class_of >= 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = write_rows(path, len(trained), features.blocks(chosen), STORED)
    except OSError as error:
        raise RunFolderError(
            f"{quoted(path)}: cannot be written: {reason(error)}; choose another disk with --out"
        ) from error
    return Rows(file, np.arange(len(trained)), class_of[chosen])
