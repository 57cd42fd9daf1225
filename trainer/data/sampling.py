"""Some of very many photos: as many as a training can look at."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgetl.trainer.data.dataset import Dataset, Split


def sampled(dataset: Dataset, at_most: Mapping[Split, int], *, seed: int) -> Dataset:
    """The dataset with about so many photos of each split, drawn at random from each class.

    Of a split that has more, each class has the share that it has of all; of training photos at
    least half of what it had if all classes had as many, so that a rare class can be learned; of
    others at least one.

    Args:
        dataset: photos whose splits are assigned.
        at_most: how many of a split; all of one that is not named.
        seed: of the draw.
    """
    random = np.random.default_rng(seed)
    classes = dataset.classes_of(dataset.examples)
    splits = np.array([example.split or "train" for example in dataset.examples])
    kept = np.ones(len(classes), np.bool_)
    for split, most in at_most.items():
        mine = [
            np.flatnonzero((splits == split) & (classes == number))
            for number in range(len(dataset.labels))
        ]
        least = most // (2 * len(mine)) if split == "train" else 1
        for rows, count in zip(mine, _quotas([*map(len, mine)], most, least=least), strict=True):
            kept[random.permutation(rows)[count:]] = False
    examples = (dataset.examples[i] for i in np.flatnonzero(kept).tolist())
    return replace(dataset, examples=tuple(examples))


def _quotas(counts: Sequence[int], most: int, *, least: int) -> list[int]:
    """How many to take of each of some classes, of which there are so many."""
    total = sum(counts)
    if total <= most:
        return list(counts)
    return [min(count, max(round(most * count / total), least, 1)) for count in counts]
