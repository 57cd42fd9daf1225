"""The earlier run's model beside the new one, on photos that neither learned from."""

from dataclasses import dataclass

import numpy as np

from edgetl.trainer.comparison import RunComparison, compare
from edgetl.trainer.data.dataset import Dataset
from edgetl.trainer.data.picture_cache import read_pictures
from edgetl.trainer.fitting.inputs import Pictures
from edgetl.trainer.metrics import Classes
from edgetl.trainer.network.model import class_probabilities, folded_model
from edgetl.trainer.network.plain_model import load_model
from edgetl.trainer.recipe import Recipe
from edgetl.trainer.retraining.earlier import EarlierRun, Recognized


@dataclass(frozen=True)
class _Compared:
    """Photos that are compared, as indices in `Dataset.examples`.

    `recorded` are those for which the earlier run has an answer, `asked` those that its model is
    asked about.
    """

    recorded: list[int]
    asked: list[int]


def compare_with_earlier(
    dataset: Dataset,
    pictures: Pictures,
    recipe: Recipe,
    held_out: Classes,
    predicted: Classes,
    known: Recognized,
    earlier: EarlierRun,
) -> RunComparison | None:
    """Compare on the photos that the new run held out; None where none of them can be.

    For photos that the earlier run held out too its answer of then is taken, and for others its
    model is asked. Left out are photos that it learned from, has near-copies of among those, or may
    have learned from in another file.

    Args:
        dataset: today's, every photo in its split.
        pictures: decoded.
        recipe: the size of their pixels.
        held_out: int [photos], indices in `Dataset.examples`.
        predicted: int [photos], the classes that the new run's models gave them.
        known: the photos that the earlier run had.
        earlier: that run.

    Raises:
        RunFolderError: the earlier model is damaged.
        PictureError: a photo can no longer be read.
    """
    found = _compared(dataset, held_out.tolist(), known, earlier)
    given = dict(zip(found.asked, _answers(dataset, pictures, recipe, found, earlier), strict=True))
    files = {i: dataset.examples[i].file for i in found.recorded}
    given |= {i: earlier.predicted[known.before[file]] for i, file in files.items()}
    now = dict(zip(held_out.tolist(), predicted.tolist(), strict=True))
    indices = sorted(given)
    examples = [dataset.examples[i] for i in indices]
    return compare(
        str(earlier.path),
        [given[i] for i in indices],
        [dataset.labels[now[i]] for i in indices],
        [example.label for example in examples],
        [example.cluster for example in examples],
        [example.file not in known.before for example in examples],
        labels=dataset.labels,
        known_before=earlier.run.dataset.labels,
        left_out=len(held_out) - len(indices),
    )


def _compared(
    dataset: Dataset, held_out: list[int], known: Recognized, earlier: EarlierRun
) -> _Compared:
    learned_before = {
        example.cluster
        for example in dataset.examples
        if example.file in known.back or earlier.trained(known.before.get(example.file, ""))
    }
    # Where photos are held out for good, a near-copy may train.
    validated = {dataset.examples[i].split for i in held_out} != {"train"}
    learned_now = set(dataset.clusters("train")) if validated else set()
    recorded, asked = [], []
    for i in held_out:
        example = dataset.examples[i]
        before = known.before.get(example.file)
        if example.cluster in learned_now or example.file in known.changed:
            continue
        if before in earlier.predicted:
            recorded.append(i)
        elif before in earlier.examples:
            if example.cluster not in learned_before:
                asked.append(i)
        elif before is None and known.tells_new and example.cluster not in learned_before:
            asked.append(i)
    return _Compared(recorded, asked)


def _answers(
    dataset: Dataset,
    pictures: Pictures,
    recipe: Recipe,
    found: _Compared,
    earlier: EarlierRun,
) -> list[str]:
    """The classes that the earlier model gives the photos that it is asked about."""
    if not found.asked:
        return []
    model = folded_model(load_model(earlier.run.folder.model))
    if earlier.run.input_size == recipe.input_size:
        row_of = pictures.rows_by_place(dataset)
        probabilities = class_probabilities(model, pictures.pixels, row_of[found.asked])
    else:
        paths = [dataset.path(dataset.examples[i]) for i in found.asked]
        pixels = read_pictures(paths, earlier.run.input_size, "decoding")
        probabilities = class_probabilities(model, pixels)
    labels = np.array(earlier.run.dataset.labels)
    return [str(label) for label in labels[probabilities.argmax(axis=1)]]
