"""The training photos whose features `edgetl teach` goes on from."""

from pathlib import Path

import numpy as np

from edgetl.edge.model.class_distance import Classes
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.teach.sample import drawn_rows
from edgetl.trainer.data.picture_cache import read_pictures
from edgetl.trainer.exporting.check_pictures import drawn
from edgetl.trainer.run.folder import FinishedRun
from edgetl.trainer.run.photos import run_photos
from edgetl.trainer.run.split_record import read_digests


def sample_pictures(run: FinishedRun, root: Path) -> tuple[Pixels, Classes] | None:
    """Training photos for a sample, those that are still as they were, and their classes.

    Returns:
        uint8 [photos, height, width, 3] and int [photos]; None where no such photo is left.
    """
    indices = np.array(drawn(run.dataset, ("train",)), np.int64)
    examples = [run.dataset.examples[index] for index in indices]
    rows = drawn_rows(run.dataset.classes_of(examples))
    photos = run_photos([examples[row] for row in rows], read_digests(run.folder.split), root)
    if not photos.same:
        return None
    paths = [root / example.file for example in photos.same]
    pixels = read_pictures(paths, run.input_size, "reading the sample for teach")
    return pixels, run.dataset.classes_of(photos.same)
