"""Folds of photos, each of which is held out once while models learn from the others."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgetl.edge.system.messages import logger
from edgetl.trainer.data.dataset import Example


def assign_folds(examples: Sequence[Example], folds: int, *, seed: int) -> npt.NDArray[np.int64]:
    """The fold of each photo, 0 to `folds` - 1.

    Near-copies are in one fold, and each class is spread over all of them as evenly as that allows:
    a class's groups, the largest first, go to the fold that has fewest of that class. A class that
    is one single group is divided all the same, as between the splits: the heads would else be
    asked about a class that they never saw. Folds that stay empty are said.
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

    sizes: dict[str, list[int]] = {}
    fold_of = np.zeros(len(examples), np.int64)
    for name in sorted(groups, key=key):
        label = examples[groups[name][0]].label
        counts = sizes.setdefault(label, [0] * folds)
        fold = counts.index(min(counts))
        counts[fold] += len(groups[name])
        fold_of[groups[name]] = fold
    filled = len(np.unique(fold_of))
    if filled < folds:
        logger.warning(
            f"cross-validation has {filled} folds and not {folds}: no class has more photos, "
            f"near-copies counted as one"
        )
    return fold_of
