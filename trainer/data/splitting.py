"""Which pictures train, validate and test."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from edgetl.trainer.data.dataset import Dataset, Example, Split
from edgetl.trainer.recipe import HOLD_OUT_FROM, TEST_SHARE, VALIDATION_SHARE

# The reference recipe makes its test set of a fifth of the validation folder.
TEST_SHARE_OF_VALIDATION = 0.2

# Pictures that go to one split together: near-copies, or one alone.
_Unit = list[Example]


def assign_splits(
    dataset: Dataset,
    *,
    seed: int,
    hold_out: bool = True,
    kept: Mapping[str, Split] = MappingProxyType({}),
    at_most: int | None = None,
) -> Dataset:
    """Decide the split of every picture.

    Splits that DATA's own folders name stay. Without a validation folder, and without `hold_out`,
    fewer than 5000 photos all train. Else missing splits are held out of each class at random, by
    a hash of `seed` and the file's path, so that adding pictures moves few of the others: a
    fifth of train as validation and a tenth as test; where there is a validation folder but no
    test, a fifth of validation as test. Near-copies go to one split together, by the hash of the
    first. Every class gets a picture in every split where it has as many groups. A class that is
    one single group is divided all the same: it could not be validated else.

    Where photos are held out, those of `kept`, by file, get that split, and so do near-copies of
    them: the one that most of these have.

    With `at_most`, photos are held out however few there are, and about so many at most in a split.
    """
    named = {example.split for example in dataset.examples}
    splits: dict[str, Split] = {e.file: e.split or "train" for e in dataset.examples}
    if "validation" not in named:
        shares: dict[Split, float] = {"validation": VALIDATION_SHARE}
        if "test" not in named:
            shares["test"] = TEST_SHARE
        pool = [e for e in dataset.examples if e.split in (None, "train")]
        if at_most is not None:
            shares = {split: min(share, at_most / len(pool)) for split, share in shares.items()}
        elif len(pool) < HOLD_OUT_FROM and not hold_out:
            shares = {}
        units = _divided(_units(pool))
        stay = _kept(units, kept) if shares else {}
        left = [unit for unit in units if unit[0].file not in stay]
        fixed = [
            (example.label, stay[example.file]) for e in units for example in e if e[0].file in stay
        ]
        splits.update(_held_out(left, shares, seed, rest="train", fixed=fixed))
        splits.update(stay)
    elif "test" not in named:
        pool = [e for e in dataset.examples if e.split == "validation"]
        shares = {"test": TEST_SHARE_OF_VALIDATION}
        splits.update(_held_out(_units(pool), shares, seed, rest="validation"))
    examples = tuple(replace(e, split=splits[e.file]) for e in dataset.examples)
    return replace(dataset, examples=examples)


def _kept(units: Sequence[_Unit], kept: Mapping[str, Split]) -> dict[str, Split]:
    """The split of each file of the units that hold one with a split to keep."""
    found: dict[str, Split] = {}
    for unit in units:
        if known := Counter(kept[e.file] for e in unit if e.file in kept):
            most, _ = known.most_common(1)[0]
            found.update({e.file: kept.get(e.file, most) for e in unit})
    return found


def _units(pool: Iterable[Example]) -> list[_Unit]:
    units: dict[str, _Unit] = defaultdict(list)
    for example in pool:
        units[example.cluster].append(example)
    return [sorted(unit, key=lambda e: e.file) for unit in units.values()]


def _divided(units: Sequence[_Unit]) -> list[_Unit]:
    """Units of single pictures instead of the only one that a class has."""
    having = Counter(label for unit in units for label in {e.label for e in unit})
    divided: list[_Unit] = []
    for unit in units:
        only = any(having[example.label] == 1 for example in unit)
        divided += [[example] for example in unit] if only else [unit]
    return divided


def _held_out(
    units: Sequence[_Unit],
    shares: Mapping[Split, float],
    seed: int,
    *,
    rest: Split,
    fixed: Sequence[tuple[str, Split]] = (),
) -> dict[str, Split]:
    """The split of each file: a share of each class's units, the `rest` of them elsewhere.

    `fixed` are the class and split of other pictures, which stay.
    """
    by_class: dict[str, list[_Unit]] = defaultdict(list)
    for unit in _shuffled(units, seed):
        most, _ = Counter(e.label for e in unit).most_common(1)[0]
        by_class[most].append(unit)
    chosen: list[tuple[_Unit, Split]] = []
    for mine in by_class.values():
        pictures = sum(map(len, mine))
        ends: list[tuple[float, Split]] = []
        for split, share in shares.items():
            ends.append((round(pictures * share) + (ends[-1][0] if ends else 0), split))
        before = 0
        for unit in mine:
            # By its middle: a large unit takes more than its share as often as less.
            middle = before + len(unit) / 2
            chosen.append((unit, next((split for end, split in ends if middle < end), rest)))
            before += len(unit)
    _fill(chosen, (rest, *shares), fixed)
    return {example.file: split for unit, split in chosen for example in unit}


def _fill(
    chosen: list[tuple[_Unit, Split]],
    splits: Sequence[Split],
    fixed: Sequence[tuple[str, Split]],
) -> None:
    """Move units, so that each class is in each split, the first ones first, as far as it goes."""
    labels = [sorted({e.label for e in unit}) for unit, _ in chosen]
    having: dict[str, list[int]] = defaultdict(list)
    for index, mine in enumerate(labels):
        for label in mine:
            having[label].append(index)
    count = Counter((label, chosen[i][1]) for label, mine in having.items() for i in mine)
    count.update(fixed)
    others = Counter(label for label, _ in fixed)
    due = {label: splits[: len(mine) + others[label]] for label, mine in having.items()}

    def spared(index: int) -> bool:
        current = chosen[index][1]
        return all(count[o, current] > 1 or current not in due[o] for o in labels[index])

    for label in sorted(having, key=lambda label: (len(having[label]), label)):
        for split in due[label]:
            spare = next((i for i in having[label] if spared(i)), None)
            if count[label, split] or spare is None:
                continue
            unit, current = chosen[spare]
            chosen[spare] = unit, split
            count.subtract((other, current) for other in labels[spare])
            count.update((other, split) for other in labels[spare])


def _shuffled(units: Sequence[_Unit], seed: int) -> list[_Unit]:
    def key(unit: _Unit) -> bytes:
        text = f"{seed}\0{unit[0].file}"
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    return sorted(units, key=key)
