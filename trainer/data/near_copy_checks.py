"""What near-copies mean for a training: counts and warnings."""

from collections import defaultdict
from dataclasses import dataclass

from edgetl.edge.errors import plural, quoted
from edgetl.trainer.data.dataset import Dataset
from edgetl.trainer.data.groups import by_group
from edgetl.trainer.data.wording import some

# Beyond this share of all photos in one group there is a warning.
WARN_LARGEST = 0.2


@dataclass(frozen=True)
class NearCopies:
    """What is said of near-copies.

    Attributes:
        total: all photos.
        groups, pictures: how many groups of near-copies there are, and photos in them.
        largest: the photos in the largest.
        mixed: two files of each group that holds several classes, one of either class.
        tested: the test pictures.
        seen: how many of them have a near-copy in train.
        whole: the classes that are one group each, so that their splits share it.
    """

    total: int
    groups: int
    pictures: int
    largest: int
    mixed: tuple[tuple[str, str], ...]
    tested: int
    seen: int
    whole: tuple[str, ...]


def near_copies_in(dataset: Dataset) -> NearCopies:
    """Count the near-copies of a dataset whose splits are assigned."""
    groups = by_group(dataset.examples)
    mixed = []
    for members in groups.values():
        first = min(members, key=lambda e: e.file)
        others = [e.file for e in members if e.label != first.label]
        if others:
            mixed.append((first.file, min(others)))
    clusters: dict[str, list[str]] = defaultdict(list)
    for example in dataset.examples:
        clusters[example.label].append(example.cluster)
    trained = set(dataset.clusters("train"))
    return NearCopies(
        total=len(dataset.examples),
        groups=len(groups),
        pictures=sum(map(len, groups.values())),
        largest=max(map(len, groups.values()), default=0),
        mixed=tuple(sorted(mixed)),
        tested=len(dataset.of("test")),
        seen=sum(cluster in trained for cluster in dataset.clusters("test")),
        whole=tuple(c for c in dataset.labels if len(set(clusters[c])) < min(2, len(clusters[c]))),
    )


def near_copy_line(found: NearCopies, *, listed_by: str) -> str | None:
    """The summary's line about near-copies; None where there are none."""
    if not found.groups:
        return None
    return (
        f"alike      {plural(found.groups, 'group')} of near-copies, {found.pictures} pictures in "
        f"all, the largest of {found.largest}; {listed_by} lists them"
    )


def near_copy_warnings(found: NearCopies) -> list[str]:
    """Sentences about what near-copies may spoil."""
    warnings = []
    if found.seen:
        have = "has a near-copy" if found.seen == 1 else "have near-copies"
        warnings.append(
            f"{found.seen} of {plural(found.tested, 'test picture')} {have} in train; after "
            f"training the accuracy without {'it' if found.seen == 1 else 'them'} is given too"
        )
    if found.mixed:
        one, other = found.mixed[0]
        hold = "holds" if len(found.mixed) == 1 else "hold"
        warnings.append(
            f"{plural(len(found.mixed), 'group')} of near-copies {hold} several classes, such as "
            f"{quoted(one)} and {quoted(other)}; look whether the classes are right"
        )
    if found.whole:
        classes = "class" if len(found.whole) == 1 else "classes"
        warnings.append(
            f"all pictures of the {classes} {some([repr(c) for c in found.whole])} are near-copies "
            f"of each other, and divided between the splits all the same: "
            f"accuracies say little about new photos; take photos of more scenes"
        )
    elif found.largest > WARN_LARGEST * found.total:
        warnings.append(
            f"{found.largest} of {plural(found.total, 'picture')} are near-copies of each other "
            f"and count as one when accuracy is judged; take photos of more scenes"
        )
    return warnings
