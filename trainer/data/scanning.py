"""A data folder's classes and files; nothing is decoded."""

import os
from collections.abc import Sequence
from pathlib import Path

from edgetl.edge.errors import DataError, quoted, reason
from edgetl.edge.sources.file_kinds import is_picture_file
from edgetl.trainer.data.dataset import Dataset, Example, Excluded, Split, check_classes

# What a folder of pictures may call its splits.
_SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "test": "test",
}


def scan(root: Path) -> Dataset:
    """Find the classes and pictures of a data folder; nothing is decoded.

    `root` holds a folder for each class, or train/ and perhaps validation/ (or val/) and test/,
    each with a folder for each class. Pictures may lie in subfolders of their class. Hidden files
    and folders are ignored; files that are no pictures by their suffix are excluded.

    Raises:
        DataError: no such folder, no class folders, one class only, an empty class, or a class
            that validation or test holds and train does not.
    """
    root = Path(root)
    try:
        folders = _subfolders(root)
    except OSError as error:
        raise DataError(f"{quoted(root)}: {reason(error)}; name a folder of pictures") from error
    splits = _split_folders(folders)
    found: list[Example] = []
    excluded: list[Excluded] = []
    tops: list[tuple[Path, Split | None]] = [(f, _SPLIT_FOLDERS[f.name]) for f in splits]
    for folder, split in tops or [(root, None)]:
        for class_folder in _subfolders(folder):
            for path in _files_below(class_folder):
                file = path.relative_to(root).as_posix()
                if is_picture_file(path):
                    found.append(Example(file, class_folder.name, split))
                else:
                    excluded.append(Excluded(file, _not_a_picture(path), "not_a_picture"))
    labels = _labels(root, splits, folders)
    dataset = Dataset(root, labels, tuple(found), tuple(excluded))
    check_classes(dataset)
    return dataset


def _subfolders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _split_folders(folders: Sequence[Path]) -> list[Path]:
    """The folders that are splits: all of them must be, so that a class may be called "train"."""
    names = [folder.name for folder in folders]
    if "train" not in names or any(name not in _SPLIT_FOLDERS for name in names):
        return []
    if {"validation", "val"} <= set(names):
        raise DataError(
            f"{quoted(folders[0].parent)}: has both validation/ and val/; keep one of them"
        )
    return [folder for folder in folders if _subfolders(folder)]


def _labels(root: Path, splits: Sequence[Path], folders: Sequence[Path]) -> tuple[str, ...]:
    if not splits:
        return _checked_names(root, [folder.name for folder in folders])
    names = {folder.name: [f.name for f in _subfolders(folder)] for folder in splits}
    train = names.get("train", [])
    for split, classes in names.items():
        unknown = sorted(set(classes) - set(train))
        if unknown:
            raise DataError(
                f"{quoted(root)}: {split}/ has the class {unknown[0]!r}, which train/ does not have"
            )
    return _checked_names(root, train)


def _checked_names(root: Path, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if "\n" in name or "\r" in name:
            raise DataError(
                f"{quoted(root)}: the class folder {name!r} has a line break in its name; rename it"
            )
    return tuple(sorted(names))


def _files_below(folder: Path) -> list[Path]:
    """All files in a folder and its subfolders, by path; links are followed, hidden names not."""
    found: list[Path] = []
    seen: set[tuple[int, int]] = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        status = Path(parent).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [name for name in folders if not name.startswith(".")]
        found.extend(Path(parent, name) for name in files if not name.startswith("."))
    return sorted(found)


def _not_a_picture(path: Path) -> str:
    return f"not a picture by its name ({path.suffix or 'no suffix'})"
