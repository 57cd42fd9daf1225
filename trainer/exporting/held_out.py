"""The pictures that a run's models are evaluated on, and what Keras predicts for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgetl.edge.errors import RunFolderError, quoted
from edgetl.edge.model.preprocessing import Pixels
from edgetl.trainer import metrics
from edgetl.trainer.data.dataset import Split
from edgetl.trainer.data.picture_cache import read_pictures
from edgetl.trainer.exporting.subprocess_call import call_in_subprocess
from edgetl.trainer.network.model import class_probabilities, load_model
from edgetl.trainer.run.folder import FinishedRun


@dataclass(frozen=True)
class HeldOut:
    """The held-out pictures of a run, in one order.

    `pixels` is uint8 [pictures, height, width, 3], `targets` int [pictures], and
    `keras_probabilities` what the run's Keras model predicts: float32 [pictures, classes].
    """

    split: Split
    paths: Sequence[Path]
    pixels: Pixels
    targets: metrics.Classes
    keras_probabilities: metrics.Probabilities


def read_held_out(run: FinishedRun, root: Path) -> HeldOut:
    """Read the held-out pictures below `root`, and predict them with the run's Keras model.

    In a subprocess: Keras keeps 30 MB of every model that is loaded and called.

    Raises:
        RunFolderError: a picture is gone, or the model is damaged.
        PictureError: a picture can no longer be read.
    """
    split = run.dataset.held_out
    examples = [run.dataset.examples[i] for i in run.dataset.of(split)]
    paths = [root / example.file for example in examples]
    gone = next((path for path in paths if not path.is_file()), None)
    if gone is not None:
        raise RunFolderError(
            f"{quoted(gone)}: the run's picture is no longer there; put the photos back, "
            f"or name the folder they are in now with --data"
        )
    pixels = read_pictures(paths, run.input_size, f"reading {split}")
    return HeldOut(
        split=split,
        paths=paths,
        pixels=pixels,
        targets=np.array([run.labels.index(example.label) for example in examples]),
        keras_probabilities=call_in_subprocess(_keras_probabilities, run.folder.model, pixels),
    )


def _keras_probabilities(path: Path, pixels: Pixels) -> metrics.Probabilities:
    return class_probabilities(load_model(path), pixels)
