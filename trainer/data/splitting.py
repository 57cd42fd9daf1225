"""Which pictures train, validate and test."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from edgetl.trainer.data.dataset import Dataset, Example, Split

# Shares of a class that are held out where DATA holds no such folder. The reference recipe makes
# its test set of a fifth of the validation folder.
VALIDATION_SHARE = 0.2
TEST_SHARE = 0.1
TEST_SHARE_OF_VALIDATION = 0.2


def assign_splits(dataset: Dataset, *, seed: int) -> Dataset:
    """Decide the split of every picture.

    Splits that DATA's own folders name stay. Missing ones are held out of each class at random, by
    a hash of `seed` and the file's path, so that adding pictures moves few of the others: a
    fifth of train as validation and a tenth as test; where there is a validation folder but no
    test, a fifth of validation as test.
    """
    named = {example.split for example in dataset.examples}
    splits: dict[str, Split] = {e.file: e.split or "train" for e in dataset.examples}
    has_validation = "validation" in named
    for label in dataset.labels:
        mine = [example for example in dataset.examples if example.label == label]
        if not has_validation:
            train = _shuffled([e for e in mine if e.split in (None, "train")], seed)
            held = max(1, round(len(train) * VALIDATION_SHARE))
            tested = 0 if "test" in named else round(len(train) * TEST_SHARE)
            splits.update((e.file, "validation") for e in train[:held])
            splits.update((e.file, "test") for e in train[held : held + tested])
        elif "test" not in named:
            validation = _shuffled([e for e in mine if e.split == "validation"], seed)
            tested = round(len(validation) * TEST_SHARE_OF_VALIDATION)
            splits.update((e.file, "test") for e in validation[:tested])
    examples = tuple(replace(e, split=splits[e.file]) for e in dataset.examples)
    return replace(dataset, examples=examples)


def _shuffled(examples: Sequence[Example], seed: int) -> list[Example]:
    def key(example: Example) -> bytes:
        return hashlib.sha256(f"{seed}\0{example.file}".encode("utf-8", "surrogatepass")).digest()

    return sorted(examples, key=key)
