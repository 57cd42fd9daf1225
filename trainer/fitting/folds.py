"""Folds of photos, each of which is held out once while models learn from the others."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from edgetl.trainer.data.dataset import Example

# The fold of a photo that is in none: it is never held out.
NONE = -1


def assign_folds(
    examples: Sequence[Example],
    folds: int,
    *,
    seed: int,
    kept: Mapping[str, int] = MappingProxyType({}),
) -> npt.NDArray[np.int64]:
    """The fold of each photo, 0 to `folds` - 1.

    Near-copies are in one fold, and each class is spread over all of them as evenly as that allows:
    a class's groups, the largest first, go to the fold that has fewest of that class. A class that
    is one single group is divided all the same, as between the splits: the models would else be
    asked about a class that they never saw. Where no class has so many groups, the last folds stay
    empty.

    Photos of `kept`, by file, stay in their fold, and their near-copies go there. New ones that
    make one group of photos kept in several folds are in NONE: a model of either fold may have
    learned from what they are a near-copy of.
    """
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(units_of(examples)):
        groups.setdefault(name, []).append(index)

    def kept_in(name: str) -> set[int]:
        files = (examples[index].file for index in groups[name])
        return {kept[file] for file in files if file in kept}

    def key(name: str) -> tuple[bool, int, bytes]:
        text = f"{seed}\0{name}".encode("utf-8", "surrogatepass")
        return not kept_in(name), -len(groups[name]), hashlib.sha256(text).digest()

    pictures = Counter(example.label for example in examples)
    # Of each class, the share of its pictures in each fold.
    shares = {label: np.zeros(folds) for label in pictures}
    fold_of = np.zeros(len(examples), np.int64)
    for name in sorted(groups, key=key):
        labels = dict.fromkeys(examples[index].label for index in groups[name])
        known = kept_in(name)
        fold = int(np.argmin(sum(shares[label] for label in labels)))
        if known:
            fold = known.pop() if len(known) == 1 else NONE
        for index in groups[name]:
            fold_of[index] = kept.get(examples[index].file, fold)
        counted = Counter((examples[index].label, int(fold_of[index])) for index in groups[name])
        for (label, where), count in counted.items():
            if where != NONE:
                shares[label][where] += count / pictures[label]
    return fold_of


@dataclass(frozen=True)
class Folds:
    """The folds of the training photos.

    Attributes:
        held_out: in which each is predicted, or NONE: int [photos].
        units: of `units_of`: str [photos].
        head: those by which the head's penalty is chosen, which keep nothing: int [photos].
    """

    held_out: npt.NDArray[np.int64]
    units: npt.NDArray[np.str_]
    head: npt.NDArray[np.int64]


def folds_of(
    examples: Sequence[Example],
    folds: int,
    *,
    seed: int,
    kept: Mapping[str, int] = MappingProxyType({}),
) -> Folds:
    """The folds of photos; arguments are those of `assign_folds`."""
    anew = assign_folds(examples, folds, seed=seed)
    held_out = assign_folds(examples, folds, seed=seed, kept=kept) if kept else anew
    return Folds(held_out, np.array(units_of(examples), np.str_), anew)


def units_of(examples: Sequence[Example]) -> list[str]:
    """The name of what each photo shares a fold with: its near-copies, or nothing but itself."""
    clusters: dict[str, set[str]] = {}
    for example in examples:
        clusters.setdefault(example.label, set()).add(example.cluster)
    return [e.file if len(clusters[e.label]) == 1 else e.cluster for e in examples]


def learned_without(
    fold: int, folds: npt.NDArray[np.int64], units: npt.NDArray[np.str_]
) -> npt.NDArray[np.bool_]:
    """Which photos the model learns from that predicts a fold, bool [photos].

    Those outside it, without near-copies of what is in it: photos that stay in the folds that they
    had before these were found may have some elsewhere.
    """
    learned: npt.NDArray[np.bool_] = (folds != fold) & ~np.isin(units, units[folds == fold])
    return learned
