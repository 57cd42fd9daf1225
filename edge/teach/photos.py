"""The photos that a model is taught: folders of them, one a class, as `collect` writes them."""

import os
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.errors import DataError, SettingError, plural, quoted, reason
from edgetl.edge.model.special_labels import EXAMPLES_OF_UNKNOWN, UNKNOWN
from edgetl.edge.sources.file_kinds import is_picture_file
from edgetl.edge.sources.files import Problem, pictures_in
from edgetl.edge.sources.folders import is_hidden, is_run, is_system_folder
from edgetl.edge.system.messages import logger


@dataclass(frozen=True)
class ClassPhotos:
    """The photos of a class, in the order of their names, which is that of time."""

    label: str
    paths: Sequence[Path]


def check_folder(folder: Path) -> None:
    """Check that this can be a folder of photos.

    Raises:
        SettingError: it is no folder, or a run's.
    """
    if not folder.is_dir():
        what = "a file; name the folder that it lies in" if folder.exists() else "no such folder"
        raise SettingError(f"{quoted(folder)}: {what}")
    if is_run(folder):
        raise SettingError(
            f"{quoted(folder)}: a run; name a folder with a folder of photos a class"
        )


def class_photos(folder: Path, labels: Sequence[str]) -> list[ClassPhotos]:
    """The photos in a folder, by class.

    A folder is a class of the model if it is called so, in whatever case and with whatever spaces.
    Those of none, other, unknown and background are examples of "unknown", if the model has that
    label. Any other is a new class.

    Args:
        folder: with a folder of photos for each class.
        labels: the model's.

    Raises:
        DataError: there are no such folders, or no photos in them, or a name is no class's.
        SettingError: as `check_folder`.
    """
    check_folder(folder)
    known = {_key(label): label for label in labels}
    if UNKNOWN in labels:
        known |= {name: UNKNOWN for name in EXAMPLES_OF_UNKNOWN if name not in known}
    found: dict[str, list[Path]] = {}
    for inside in _folders(folder):
        label = known.setdefault(_key(inside.name), _checked(inside))
        if label == UNKNOWN != inside.name:
            logger.info(f"{quoted(inside.name)}: is taken for examples of {UNKNOWN!r}")
        found.setdefault(label, []).extend(_pictures(inside))
    filled = [ClassPhotos(label, paths) for label, paths in found.items() if paths]
    if not filled:
        raise DataError(f"{quoted(folder)}: {_why_none(folder)}")
    return filled


def _folders(folder: Path) -> list[Path]:
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir())
    except OSError as error:
        raise DataError(f"{quoted(folder)}: {reason(error)}") from error
    return [path for path in inside if not (is_hidden(path.name) or is_system_folder(path.name))]


def _pictures(folder: Path) -> Iterator[Path]:
    for one in pictures_in(folder):
        if isinstance(one, Problem):
            raise DataError(one.message)
        if is_picture_file(one):
            yield one
        else:
            logger.warning(f"{quoted(one)}: a video; left out: teach takes photos")


def _why_none(folder: Path) -> str:
    loose = sum(is_picture_file(path) for path in folder.iterdir())
    if loose:
        return (
            f"{plural(loose, 'photo')} without a class; put the photos of each class into a folder "
            f"that is called as it, as {quoted(folder.name)}/cat"
        )
    return "no photos in class folders; take some with: edgetl collect"


def _key(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).lower().split())


def _checked(folder: Path) -> str:
    """The class that a folder is called as.

    Raises:
        DataError: no class can be called so.
    """
    name = folder.name
    if not unicodedata.normalize("NFC", name).isprintable() or name != os.fsencode(name).decode(
        errors="replace"
    ):
        raise DataError(f"{quoted(folder)}: no name for a class; rename the folder")
    return unicodedata.normalize("NFC", name)


def counts(photos: Sequence[ClassPhotos]) -> Mapping[str, int]:
    """How many photos there are of each class."""
    return {one.label: len(one.paths) for one in photos}
