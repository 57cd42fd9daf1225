"""Which folders among pictures are walked: not those of systems and of edgetl, nor in circles."""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from edgetl.edge.errors import SettingError, quoted

# Why a folder is passed over: it is a system's, edgetl's own, one that this run writes into,
# one that it lies in itself, or one that another link has led into.
PassedOver = Literal["system", "own", "written", "circle", "linked_twice"]
# Which folder it is, by whatever path: device and inode.
Identity = tuple[int, int]

# Thumbnails, waste baskets and notes that systems, cameras and file servers leave, in lower case.
_SYSTEM_FOLDERS = frozenset(
    {
        "#recycle",
        "#snapshot",
        "$recycle.bin",
        "@__thumb",
        "@eadir",
        "@recently-snapshot",
        "@recycle",
        "@tmp",
        "__macosx",
        "found.000",
        "lost+found",
        "network trash folder",
        "recycler",
        "system volume information",
        "temporary items",
    }
)
_SYSTEM_FILES = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini"})

# A run is known by config.json with one of the others beside it; any program may write one alone.
_RUN_CONFIG = "config.json"
_OF_A_RUN = ("split.json", "model.keras", "labels.txt", "checkpoints")
# Where the built-in demo pictures are drawn, with the demo's runs beside them.
_DEMO_FOLDER = "edgetl-demo"
_LONGEST_NAME = 100  # characters, of a class


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden, as names with a dot in front and Thumbs.db are."""
    return name.startswith(".") or name.lower() in _SYSTEM_FILES


def is_system_folder(name: str) -> bool:
    """Whether a folder is of a system or file server, by its name."""
    return name.lower() in _SYSTEM_FOLDERS


def is_text(name: str) -> bool:
    """Whether a file's name is text: one with bytes that are no UTF-8 cannot be put into JSON."""
    return not any("\ud800" <= char <= "\udfff" for char in name)


def class_name(text: str) -> str:
    """The name of a class, which is that of its folder.

    Raises:
        SettingError: no folder of photos can have it.
    """
    name = text.strip()
    allowed = name.isprintable() and not set(name) & set('/\\:*?"<>|')
    if not name or not allowed or is_hidden(name) or is_system_folder(name):
        raise SettingError(
            f"class {quoted(text)!r}: no name for a folder; write letters and digits, as in open"
        )
    if len(name) > _LONGEST_NAME:
        raise SettingError(f"class {quoted(name[:20])}...: longer than {_LONGEST_NAME} characters")
    return name


def is_own_folder(folder: Path) -> bool:
    """Whether edgetl made a folder: a run, finished or not, or the demo."""
    return folder.name == _DEMO_FOLDER or is_run(folder)


def is_run(folder: Path) -> bool:
    """Whether a folder is a run, finished or not."""
    return (folder / _RUN_CONFIG).is_file() and any((folder / name).exists() for name in _OF_A_RUN)


def is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a folder or a link to one; what cannot be looked at is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def is_regular_file(entry: "os.DirEntry[str]") -> bool:
    """Whether it is a file or a link to one, and no pipe: what cannot be looked at is none."""
    try:
        return entry.is_file()
    except OSError:
        return False


def identity(folder: Path) -> Identity:
    """Which folder it is. Raises OSError where we may not look."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def is_same_folder(folder: Path, other: Path | None) -> bool:
    """Whether two paths lead to one folder. Raises OSError where we may not look."""
    return other is not None and other.is_dir() and folder.samefile(other)


def why_passed_over(
    folder: Path,
    *,
    is_link: bool,
    above: Collection[Identity],
    targets: set[Identity],
    written: Path | None = None,
) -> PassedOver | None:
    """Why a folder is not walked; None if it is.

    Args:
        folder: found in a folder that is walked.
        is_link: whether it is a link to a folder.
        above: the folders that it lies in.
        targets: the folders that links have led into; this one is added. Without them, links among
            n folders would lead through each order of them.
        written: a folder that this run writes pictures into, once it is there.

    Raises:
        OSError: we may not look into it.
    """
    if is_same_folder(folder, written):
        return "written"
    if is_system_folder(folder.name):
        return "system"
    if is_own_folder(folder):
        return "own"
    here = identity(folder)
    if here in above:
        return "circle"
    if is_link and here in targets:
        return "linked_twice"
    if is_link:
        targets.add(here)
    return None
