"""A folder of photos as a tree of names, read in one pass; nothing is decoded."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import get_args

from edgetl.edge.errors import DataError, quoted, reason
from edgetl.edge.sources.file_kinds import is_picture_file
from edgetl.edge.sources.folders import (
    Identity,
    PassedOver,
    identity,
    is_folder,
    is_hidden,
    is_regular_file,
    why_passed_over,
)
from edgetl.trainer.data.wording import SHOWN_FAULTS, some

MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, its files and its subfolders, without those that are passed over.

    Attributes:
        path: below the folder that was walked, "/" between parts; "" is that folder.
        pictures: the names of the pictures right in it, sorted.
        others: the names of the other files right in it, sorted.
        folders: its subfolders, by name.
        count: the pictures in it and below.
    """

    path: str
    pictures: tuple[str, ...]
    others: tuple[str, ...]
    folders: tuple["Folder", ...]
    count: int

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def full_folders(self) -> tuple["Folder", ...]:
        """The subfolders with pictures in or below them."""
        return tuple(folder for folder in self.folders if folder.count)


@dataclass(frozen=True, slots=True)
class Walked:
    """A folder of photos: its tree, and the folders in it that were passed over, by why."""

    top: Folder
    passed_over: Mapping[PassedOver, Sequence[str]]


@dataclass(frozen=True)
class _Found:
    """What is gathered on the way."""

    passed_over: dict[PassedOver, list[str]] = field(
        default_factory=lambda: {kind: [] for kind in get_args(PassedOver)}
    )
    unreadable: list[str] = field(default_factory=list)
    targets: set[Identity] = field(default_factory=set)


def walk(root: Path) -> Walked:
    """Read the names in a folder and below it, each once.

    Hidden names, system folders and edgetl's own folders are passed over, in `root` but not `root`
    itself. Links are followed; one into a folder that it lies in is not, nor a second link into
    the same folder, so that no circle of links is without an end.

    Raises:
        DataError: the folder, or folders in it, cannot be read, or lie more than 100 deep.
    """
    try:
        os.scandir(root).close()
    except OSError as error:
        raise DataError(f"{quoted(root)}: {reason(error)}; name a folder of pictures") from error
    found = _Found()
    top = _folder(root, "", (), found)
    if found.unreadable:
        raise DataError(
            f"{quoted(root)}: cannot read {some(found.unreadable, SHOWN_FAULTS)}; make it "
            f"readable, or move it out of there"
        )
    return Walked(top, found.passed_over)


def _folder(path: Path, below: str, above: tuple[Identity, ...], found: _Found) -> Folder:
    if len(above) > MAX_DEPTH:
        raise DataError(
            f"{quoted(path)}: lies more than {MAX_DEPTH} folders deep; move its pictures up"
        )
    subfolders: list[tuple[str, bool]] = []
    pictures: list[str] = []
    others: list[str] = []
    try:
        above = (*above, identity(path))
        with os.scandir(path) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    continue
                if is_folder(entry):
                    subfolders.append((entry.name, entry.is_symlink()))
                elif is_regular_file(entry) and is_picture_file(Path(entry.path)):
                    pictures.append(entry.name)
                else:
                    others.append(entry.name)
    except OSError as error:
        found.unreadable.append(f"{quoted(below or path)} ({reason(error)})")
    inner = []
    for name, is_link in sorted(subfolders):
        inside = f"{below}/{name}" if below else name
        if _is_walked(path / name, inside, is_link, above, found):
            inner.append(_folder(path / name, inside, above, found))
    count = len(pictures) + sum(folder.count for folder in inner)
    return Folder(below, tuple(sorted(pictures)), tuple(sorted(others)), tuple(inner), count)


def _is_walked(
    path: Path, below: str, is_link: bool, above: tuple[Identity, ...], found: _Found
) -> bool:
    try:
        why = why_passed_over(path, is_link=is_link, above=above, targets=found.targets)
    except OSError as error:
        found.unreadable.append(f"{quoted(below)} ({reason(error)})")
        return False
    if why:
        found.passed_over[why].append(below)
    return why is None


def pictures_below(folder: Folder) -> Iterator[str]:
    """The paths of all pictures in a folder and below it, in the order of their parts."""
    prefix = f"{folder.path}/" if folder.path else ""
    inner = {sub.name: sub for sub in folder.folders}
    for name in sorted((*folder.pictures, *inner)) if inner else folder.pictures:
        if name in inner:
            yield from pictures_below(inner[name])
        else:
            yield prefix + name


def others_below(folder: Folder) -> Iterator[str]:
    """The paths of all files that are no pictures, in a folder and below it."""
    prefix = f"{folder.path}/" if folder.path else ""
    yield from (prefix + name for name in folder.others)
    for sub in folder.folders:
        yield from others_below(sub)


def suffixes(folder: Folder) -> str:
    """How many files that are no pictures are in a folder and below it, by suffix, in words."""
    count = Counter(PurePosixPath(file).suffix.lower() for file in others_below(folder))
    return some([f"{n} {suffix or 'without suffix'}" for suffix, n in count.most_common()])
