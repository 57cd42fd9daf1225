"""The sample of training photos' features that `edgetl teach` goes on from."""

from pathlib import Path

import numpy as np

from edgetl.edge.explain.dense_head import dense_head
from edgetl.edge.model.class_distance import Classes
from edgetl.edge.model.model_file import read_model_file
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.teach.features import PooledFeatures
from edgetl.edge.teach.sample import FeatureSample, drawn_rows, packed_sample
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


def sampled(file: Path, pixels: Pixels, targets: Classes, runtime: str) -> bytes | None:
    """The sample of what a model's file gives for pictures; for a subprocess.

    None of a model that cannot be taught, since it does not end in average pooling and one dense
    layer, as that of an older run may.

    Args:
        file: the model.
        pixels: uint8 [photos, height, width, 3].
        targets: their classes.
        runtime: that computes the features.

    Raises:
        EdgetlError: the model does not run there.
    """
    model = read_model_file(file)
    if dense_head(model) is None:
        return None
    features = PooledFeatures(model, runtime=runtime)
    found = [features.of(one)[0] for one in pixels]
    return packed_sample(FeatureSample(np.array(found, np.float32), targets))
