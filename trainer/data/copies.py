"""Copies of the same picture: one is used, and none where they are in several classes."""

from collections.abc import Mapping, Sequence
from typing import Literal

from edgetl.edge.errors import DataError, quoted
from edgetl.trainer.data.dataset import Dataset, Example, Excluded, ExclusionKind, Split, without

OnConflict = Literal["exclude", "error"]

# Which of several copies stays: the user's own evaluation sets are not changed, and nothing in
# them is trained on.
_PREFERRED: dict[Split | None, int] = {"test": 0, "validation": 1, "train": 2, None: 3}


def exclude_duplicates(
    dataset: Dataset, digests: Mapping[str, str], *, on_conflict: OnConflict
) -> Dataset:
    """The dataset with one of each picture: copies are excluded.

    The copy that stays is the one in test, else validation, else train, and among these the first
    by path; so no picture is in two splits, whether DATA's folders name them or `assign_splits`
    does later. Of copies in several classes none stays. Unreadable files must be excluded before:
    two empty files are no copies.

    Args:
        dataset: the pictures, before or after `assign_splits`.
        digests: a digest of each picture's pixels. A file without one, or with "", is no copy.
        on_conflict: whether a picture in several classes is excluded or an error.

    Raises:
        DataError: too little is left of a class; or there is a conflict, and it is an error: the
            message names all of them.
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
    conflicts = [group for group in copies if len({example.label for example in group}) > 1]
    if conflicts and on_conflict == "error":
        raise DataError(f"{quoted(dataset.root)}: {_conflicts(conflicts)}")
    excluded = [item for group in copies for item in _excluded(group)]
    excluded.sort(key=lambda item: item.file)
    try:
        return without(dataset, excluded)
    except DataError as error:
        raise DataError(
            f"{error}; exact copies of other pictures do not count, and {len(excluded)} were found"
        ) from error


def _excluded(group: Sequence[Example]) -> list[Excluded]:
    if len({example.label for example in group}) == 1:
        return [_copy_of(group[0], copy) for copy in group[1:]]
    excluded = []
    for example in group:
        other = next(e for e in group if e.label != example.label)
        reason = f"the same picture as {quoted(other.file)}, of another class"
        excluded.append(Excluded(example.file, reason, "conflict"))
    return excluded


def _conflicts(groups: Sequence[Sequence[Example]]) -> str:
    named = sorted(
        " and ".join(quoted(file) for file in sorted(example.file for example in group))
        for group in groups
    )
    if len(named) == 1:
        return f"the same picture lies under several classes, {named[0]}; delete the wrong one"
    return (
        f"{len(named)} pictures lie under several classes each, {', '.join(named)}; "
        f"delete the wrong ones"
    )


def _copy_of(original: Example, copy: Example) -> Excluded:
    kind: ExclusionKind = "duplicate" if original.split == copy.split else "duplicate_across_splits"
    return Excluded(copy.file, f"the same picture as {quoted(original.file)}", kind)
