"""The pictures that a run's files are checked on, and what Keras predicts for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgetl.edge.errors import PictureError, quoted
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.data.dataset import Dataset, Example, Split
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.exporting.subprocess_call import Subprocess
from edgetl.trainer.network.model import class_probabilities
from edgetl.trainer.network.unknown_output import TrainedModel
from edgetl.trainer.run.folder import FinishedRun
from edgetl.trainer.run.photos import refuse_different, run_photos
from edgetl.trainer.run.split_record import read_digests

# What each runtime checks in half a minute, at 160 to 224 pixels on two cores. A number and not the
# clock: the same run must give the same bytes, and the figures are in the file.
MOST_PICTURES = {"litert": 1000, "tflite-runtime": 400}
_READ = max(MOST_PICTURES.values())


@dataclass(frozen=True)
class CheckPictures:
    """Pictures of every split, interleaved by class, those that were not trained on first.

    Attributes:
        split: the held-out split, "train" of a run that learned from all its photos.
        held_out: which are of that split, bool [pictures]: accuracy is quoted on these.
        paths: the files.
        pixels: uint8 [pictures, height, width, 3] on disk.
        targets: the classes, int [pictures].
        keras_probabilities: what the run's Keras model predicts, float32 [pictures, classes].
        rows: those that a file is checked on, int: indices of the others above, ascending.
    """

    split: Split
    held_out: npt.NDArray[np.bool_]
    paths: Sequence[Path]
    pixels: MemoryMappedArray
    targets: metrics.Classes
    keras_probabilities: metrics.Probabilities
    rows: metrics.Classes


def drawn(dataset: Dataset, splits: Sequence[Split]) -> list[int]:
    """Indices of pictures, interleaved by class so that any number of the first are balanced.

    Those of a class are in the order of `splits`, and within one at random, the same each time: the
    first files of a folder may be of one camera or one day. Near-copies are there once, as they
    tell no more than one picture.
    """
    random = np.random.default_rng(0)
    by_label: dict[str, list[int]] = {label: [] for label in dataset.labels}
    seen: set[str] = set()
    for split in splits:
        for index in random.permutation(np.array(dataset.of(split), np.int64)).tolist():
            example = dataset.examples[index]
            if example.cluster not in seen:
                seen.add(example.cluster)
                by_label[example.label].append(index)
    columns = zip_longest(*by_label.values())
    return [index for column in columns for index in column if index is not None]


def halves(targets: metrics.Classes) -> tuple[metrics.Classes, metrics.Classes]:
    """The rows of two halves with as many pictures of each class, ascending.

    `targets` are the classes, int [pictures]. The first half has a class's odd picture, and so the
    only one.
    """
    second = np.zeros(len(targets), np.bool_)
    for target in np.unique(targets):
        second[np.flatnonzero(targets == target)[1::2]] = True
    return np.flatnonzero(~second), np.flatnonzero(second)


def read_check_pictures(run: FinishedRun, root: Path, apart: Subprocess) -> CheckPictures:
    """Read pictures of a run below `root`, and predict them with its Keras model.

    How far a file differs from Keras shows on photos that were trained on as well. Keras is
    `apart`: it keeps 30 MB of every model that is loaded and called. Few pictures that are
    missing or have changed are left out, which is said.

    Raises:
        RunFolderError: more than a tenth of the held-out pictures, or of the others, are missing or
            have changed, or the model is damaged.
        PictureError: a picture can no longer be read.
    """
    indices = drawn(run.dataset, ("test", "validation", "train"))[:_READ]
    examples = [run.dataset.examples[i] for i in indices]
    split = run.dataset.held_out
    digests: dict[str, str] = {}
    # Apart, as there may be far more of the others: accuracy is quoted on those held out.
    for held_out in (True, False):
        part = [example for example in examples if (example.split == split) == held_out]
        if part:
            digests |= _same(part, run, root)
    there = [example for example in examples if example.file in digests]
    paths = [root / example.file for example in there]
    decoded = decode_pictures(
        paths,
        run.input_size,
        cache=run.folder.cache / "checked",
        digests=[digests[example.file] for example in there],
    )
    for index, why in decoded.errors.items():
        raise PictureError(f"{quoted(paths[index])}: {why}")
    pixels = decoded.pixels
    return CheckPictures(
        split=split,
        held_out=np.array([example.split == split for example in there]),
        paths=paths,
        pixels=pixels,
        targets=run.dataset.classes_of(there),
        keras_probabilities=apart.call(_keras_probabilities, trained_model(run), pixels),
        rows=np.arange(len(paths)),
    )


def _same(examples: Sequence[Example], run: FinishedRun, root: Path) -> dict[str, str]:
    photos = run_photos(examples, read_digests(run.folder.split), root)
    refuse_different(photos, root)
    if photos.note:
        logger.warning(photos.note)
    return {e.file: digest for e, digest in zip(photos.same, photos.digests, strict=True)}


def trained_model(run: FinishedRun) -> TrainedModel:
    """The run's model by its files."""
    return TrainedModel(run.folder.model, run.unknown)


def _keras_probabilities(trained: TrainedModel, pixels: MemoryMappedArray) -> metrics.Probabilities:
    return class_probabilities(trained.load_whole(), pixels)
