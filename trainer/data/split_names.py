"""What people call the folders and files of a split."""

import re
from collections.abc import Iterable

from edgetl.trainer.data.dataset import Split

# "eval" is a second validation folder to some and a test folder to others (Food-11). As test it is
# safe for both: nothing is chosen by it.
_WORDS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "trainset": "train",
    "val": "validation",
    "valid": "validation",
    "validate": "validation",
    "validation": "validation",
    "dev": "validation",
    "devel": "validation",
    "development": "validation",
    "valset": "validation",
    "test": "test",
    "testing": "test",
    "tests": "test",
    "testset": "test",
    "holdout": "test",
    "eval": "test",
    "evaluation": "test",
}
# Words that say nothing, as in "training_set", "train_images", "test-data".
_EMPTY = "csv data dataset files folder image images img imgs labels photos pictures set split"
_FILLERS = frozenset(_EMPTY.split())
_WORD = re.compile(r"[^\W\d_]+")


def split_of(name: str, *, common: Iterable[str] = ()) -> Split | None:
    """The split that a folder or file is named after, in any case: "Test_Set", "train2017".

    Args:
        name: its name, without a suffix.
        common: words that say nothing because the folders beside it have them as well.
    """
    words = [word for word in _words(name) if word not in _FILLERS and word not in set(common)]
    return _WORDS.get(words[0]) if len(words) == 1 else None


def splits_of(names: Iterable[str]) -> dict[str, Split]:
    """The split of each of the names beside each other that is named after one.

    A word that all names share says nothing: seg_train, seg_test and seg_pred.
    """
    words = {name: set(_words(name)) for name in names}
    shared = set.intersection(*words.values()) if len(words) > 1 else set()
    common = shared - set(_WORDS)
    splits = {name: split_of(name, common=common) for name in words}
    return {name: split for name, split in splits.items() if split}


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]
