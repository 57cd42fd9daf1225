"""The pictures that a run's models are evaluated on, and what Keras predicts for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.errors import PictureError, quoted
from edgetl.edge.system.messages import logger
from edgetl.trainer import metrics
from edgetl.trainer.data.dataset import Split
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.exporting.subprocess_call import call_in_subprocess
from edgetl.trainer.network.model import class_probabilities, load_model
from edgetl.trainer.run.folder import FinishedRun
from edgetl.trainer.run.photos import refuse_different, run_photos
from edgetl.trainer.run.split_record import read_digests

# Photos that a model learned from show whether a file agrees with Keras as others do; checking so
# many takes seconds on LiteRT, and half a minute on tflite-runtime.
_ENOUGH_TRAINED = 500


@dataclass(frozen=True)
class HeldOut:
    """The held-out pictures of a run, in one order; training pictures where it has none.

    `pixels` is uint8 [pictures, height, width, 3] on disk, `targets` int [pictures], and
    `keras_probabilities` what the run's Keras model predicts: float32 [pictures, classes].
    """

    split: Split
    paths: Sequence[Path]
    pixels: MemoryMappedArray
    targets: metrics.Classes
    keras_probabilities: metrics.Probabilities


def read_held_out(run: FinishedRun, root: Path) -> HeldOut:
    """Read the held-out pictures below `root`, and predict them with the run's Keras model.

    In a subprocess: Keras keeps 30 MB of every model that is loaded and called. Few pictures that
    are missing or have changed are left out, which is said.

    Raises:
        RunFolderError: more than a tenth of the pictures are missing or have changed, or the model
            is damaged.
        PictureError: a picture can no longer be read.
    """
    split = run.dataset.held_out
    indices = run.dataset.of(split)
    if split == "train":
        indices = run.dataset.interleaved(split)[:_ENOUGH_TRAINED]
    examples = [run.dataset.examples[i] for i in indices]
    photos = run_photos(examples, read_digests(run.folder.split), root)
    refuse_different(photos, root)
    if photos.note:
        logger.warning(photos.note)
    paths = [root / example.file for example in photos.same]
    decoded = decode_pictures(
        paths, run.input_size, cache=run.folder.cache / "held-out", digests=photos.digests
    )
    for index, why in decoded.errors.items():
        raise PictureError(f"{quoted(paths[index])}: {why}")
    pixels = decoded.pixels
    return HeldOut(
        split=split,
        paths=paths,
        pixels=pixels,
        targets=run.dataset.classes_of(photos.same),
        keras_probabilities=call_in_subprocess(_keras_probabilities, run.folder.model, pixels),
    )


def _keras_probabilities(path: Path, pixels: MemoryMappedArray) -> metrics.Probabilities:
    return class_probabilities(load_model(path), pixels)
