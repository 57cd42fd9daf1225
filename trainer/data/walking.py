"""A folder of photos as a tree of names, read in one pass; nothing is decoded."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from edgetl.edge.errors import DataError, quoted, reason
from edgetl.edge.sources.file_kinds import is_picture_file
from edgetl.edge.sources.folders import is_hidden, is_own_folder, is_system_folder
from edgetl.trainer.data.wording import some

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
    """A folder of photos.

    Attributes:
        top: its tree.
        system, own: the folders of the system and of edgetl that were passed over.
        linked_twice: the links to folders that another link has led into already.
    """

    top: Folder
    system: tuple[str, ...]
    own: tuple[str, ...]
    linked_twice: tuple[str, ...]


@dataclass
class _Found:
    system: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    linked_twice: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    targets: set[tuple[int, int]] = field(default_factory=set)


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
    top = _folder(str(root), "", (), found)
    if found.unreadable:
        raise DataError(
            f"{quoted(root)}: cannot read {some(found.unreadable)}; make it readable, or move it "
            f"out of there"
        )
    return Walked(top, tuple(found.system), tuple(found.own), tuple(found.linked_twice))


def _folder(path: str, below: str, above: tuple[tuple[int, int], ...], found: _Found) -> Folder:
    if len(above) > MAX_DEPTH:
        raise DataError(
            f"{quoted(path)}: lies more than {MAX_DEPTH} folders deep; move its pictures up"
        )
    subfolders: list[tuple[str, bool]] = []
    pictures: list[str] = []
    others: list[str] = []
    try:
        status = os.stat(path)  # noqa: PTH116  Path has no faster one
        above = (*above, (status.st_dev, status.st_ino))
        with os.scandir(path) as entries:
            for entry in entries:
                if is_hidden(entry.name):
                    continue
                if entry.is_dir():
                    subfolders.append((entry.name, entry.is_symlink()))
                elif entry.is_file() and is_picture_file(Path(entry.path)):
                    pictures.append(entry.name)
                else:
                    others.append(entry.name)
    except OSError as error:
        found.unreadable.append(f"{quoted(below or path)} ({reason(error)})")
    inner = []
    for name, is_link in sorted(subfolders):
        inside = f"{below}/{name}" if below else name
        if _is_walked(Path(path, name), inside, is_link, above, found):
            inner.append(_folder(str(Path(path, name)), inside, above, found))
    count = len(pictures) + sum(folder.count for folder in inner)
    return Folder(below, tuple(sorted(pictures)), tuple(sorted(others)), tuple(inner), count)


def _is_walked(
    path: Path, below: str, is_link: bool, above: tuple[tuple[int, int], ...], found: _Found
) -> bool:
    if is_system_folder(path.name):
        found.system.append(below)
        return False
    try:
        if is_own_folder(path):
            found.own.append(below)
            return False
        status = path.stat()
    except OSError as error:
        found.unreadable.append(f"{quoted(below)} ({reason(error)})")
        return False
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        return False
    if is_link:
        if identity in found.targets:
            found.linked_twice.append(below)
            return False
        found.targets.add(identity)
    return True


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
