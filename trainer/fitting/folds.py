"""Folds of photos, each of which is held out once while models learn from the others."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgetl.trainer.data.dataset import Example


def assign_folds(examples: Sequence[Example], folds: int, *, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each photo, 0 to `folds` - 1.

    Near-copies are in one fold, and each class is spread over all of them as evenly as that allows:
    a class's groups, the largest first, go to the fold that has fewest of that class. A class that
    is one single group is divided all the same, as between the splits: the models would else be
    asked about a class that they never saw. Where no class has so many groups, the last folds stay
    empty.
    """
    clusters: dict[str, set[str]] = {}
    for example in examples:
        clusters.setdefault(example.label, set()).add(example.cluster)
    groups: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        divided = len(clusters[example.label]) == 1
        groups.setdefault(example.file if divided else example.cluster, []).append(index)

    def key(name: str) -> tuple[int, bytes]:
        text = f"{seed}\0{name}".encode("utf-8", "surrogatepass")
        return -len(groups[name]), hashlib.sha256(text).digest()

    pictures = Counter(example.label for example in examples)
    # Of each class, the share of its pictures in each fold.
    shares = {label: np.zeros(folds) for label in pictures}
    fold_of = np.zeros(len(examples), np.int64)
    for name in sorted(groups, key=key):
        mine = Counter(examples[index].label for index in groups[name])
        fold = int(np.argmin(sum(shares[label] for label in mine)))
        for label, count in mine.items():
            shares[label][fold] += count / pictures[label]
        fold_of[groups[name]] = fold
    return fold_of
