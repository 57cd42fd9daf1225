"""Copies of the same picture: one is used."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from edgetl.edge.errors import DataError, quoted
from edgetl.trainer.data.dataset import Dataset, Example, Excluded, ExclusionKind, Split, without
from edgetl.trainer.data.wording import some

# Which of several copies stays: the user's own evaluation sets are not changed, and nothing in
# them is trained on.
_PREFERRED: dict[Split | None, int] = {"test": 0, "validation": 1, "train": 2, None: 3}


def exclude_duplicates(dataset: Dataset, digests: Mapping[str, str]) -> Dataset:
    """The dataset with one of each picture: exact copies are excluded.

    The copy that stays is the one in test, else validation, else train, and among these the first
    by path; so no picture is in two splits, whether DATA's folders name them or `assign_splits`
    does later. Unreadable files must be excluded before: two empty files are no copies.

    Args:
        dataset: the pictures, before or after `assign_splits`.
        digests: a digest of each file's content. A file without one, or with "", is no copy.

    Raises:
        DataError: copies lie under different classes, or too little is left of a class.
    """
    by_digest: dict[str, list[Example]] = {}
    for example in dataset.examples:
        if digest := digests.get(example.file):
            by_digest.setdefault(digest, []).append(example)
    copies = [
        sorted(group, key=lambda e: (_PREFERRED[e.split], e.file))
        for group in by_digest.values()
        if len(group) > 1
    ]
    _check_one_class(dataset, copies)
    excluded = [_copy_of(group[0], copy) for group in copies for copy in group[1:]]
    excluded.sort(key=lambda item: item.file)
    try:
        return without(dataset, excluded)
    except DataError as error:
        raise DataError(
            f"{error}; exact copies of other pictures do not count, and {len(excluded)} were found"
        ) from error


def _check_one_class(dataset: Dataset, copies: Sequence[Sequence[Example]]) -> None:
    pairs: list[tuple[str, str]] = []
    for group in copies:
        by_path = sorted(group, key=lambda e: e.file)
        classes = groupby(by_path, key=lambda e: e.label)
        firsts = [next(members).file for _, members in classes]
        if len(firsts) > 1:
            pairs.append((firsts[0], firsts[1]))
    if not pairs:
        return
    named = [f"{quoted(one)} and {quoted(other)}" for one, other in sorted(pairs)]
    if len(pairs) == 1:
        problem = f"the same picture lies under two classes, {named[0]}; delete the wrong one"
    else:
        problem = (
            f"{len(pairs)} pictures lie under two classes each, {some(named)}; "
            f"delete the wrong one of each"
        )
    raise DataError(f"{quoted(dataset.root)}: {problem}")


def _copy_of(original: Example, copy: Example) -> Excluded:
    kind: ExclusionKind = "duplicate" if original.split == copy.split else "duplicate_across_splits"
    return Excluded(copy.file, f"the same picture as {quoted(original.file)}", kind)
