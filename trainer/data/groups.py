"""Groups of near-copies: photos of one moment, which must not lie on both sides of a split."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from edgetl.trainer.data.capture_time import capture_of, seconds_apart
from edgetl.trainer.data.dataset import Dataset, Example
from edgetl.trainer.data.memory_mapped import MemoryMappedArray
from edgetl.trainer.data.near_copies import Pair, alike

# The correlation of fine structure from which two photos are near-copies (measured:
# `python -m edgetl.benchmarks.dev.near_copies`), and what photos that one camera took within so
# many seconds need less.
NEAR_COPY = 0.7
_BURST_SECONDS = 2.0
_BURST_BONUS = 0.1
# A group of more than this share of all photos, if not of few, is rather one kind of photo than one
# moment, a chain of pairs that are a little alike: it must hold together by the stricter
# correlations too.
_LARGE = 0.2
_FEW = 20
_STRICTER = (0.8, 0.9)


def near_copy_groups(pixels: MemoryMappedArray, paths: Sequence[Path]) -> list[list[int]]:
    """Groups of near-copies, each of two rows or more in ascending order.

    Args:
        pixels: uint8 [pictures, height, width, 3] RGB; rows of one colour are near-copies of none.
        paths: the file of each row, for the time it was taken.
    """
    capture = cache(lambda row: capture_of(paths[row]))
    linked = []
    for pair in alike(pixels, above=NEAR_COPY - _BURST_BONUS):
        if pair.correlation > NEAR_COPY:
            linked.append(pair)
            continue
        apart = seconds_apart(capture(pair.first), capture(pair.second))
        if apart is not None and apart <= _BURST_SECONDS:
            linked.append(replace(pair, correlation=pair.correlation + _BURST_BONUS))
    return sorted(_held_together(linked, max(_FEW, len(pixels) * _LARGE), _STRICTER))


def with_groups(dataset: Dataset, groups: Iterable[Iterable[str]]) -> Dataset:
    """The dataset with the group of each picture: the first file, by path, of its near-copies.

    Args:
        dataset: the pictures.
        groups: files of near-copies; files that are not in the dataset are left out.
    """
    used = {example.file for example in dataset.examples}
    group_of: dict[str, str] = {}
    for files in groups:
        mine = sorted(used.intersection(files))
        if len(mine) > 1:
            group_of.update(dict.fromkeys(mine, mine[0]))
    examples = tuple(replace(e, group=group_of.get(e.file)) for e in dataset.examples)
    return replace(dataset, examples=examples)


def by_group(examples: Iterable[Example]) -> dict[str, list[Example]]:
    """The pictures of each group of two or more, by its name."""
    found: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        if example.group is not None:
            found[example.group].append(example)
    return {name: members for name, members in found.items() if len(members) > 1}


def _held_together(
    pairs: Sequence[Pair], limit: float, stricter: Sequence[float]
) -> Iterator[list[int]]:
    for rows in _components(pairs):
        if len(rows) <= limit or not stricter:
            yield rows
            continue
        inside = set(rows)
        closer = [p for p in pairs if p.first in inside and p.correlation > stricter[0]]
        yield from _held_together(closer, limit, stricter[1:])


def _components(pairs: Iterable[Pair]) -> list[list[int]]:
    """The connected components of the pairs' rows."""
    parents: dict[int, int] = {}

    def root(row: int) -> int:
        while (parent := parents.setdefault(row, row)) != row:
            parents[row] = row = parents[parent]
        return row

    for pair in pairs:
        one, other = root(pair.first), root(pair.second)
        parents[max(one, other)] = min(one, other)
    found: dict[int, list[int]] = defaultdict(list)
    for row in sorted(parents):
        found[root(row)].append(row)
    return list(found.values())
