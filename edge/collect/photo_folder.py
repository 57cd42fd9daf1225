"""A folder of photos, a folder a class, to which photos are added and in which they are moved."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image

from edgetl.edge.errors import SettingError, SinkError, quoted, reason
from edgetl.edge.model.preprocessing import Pixels
from edgetl.edge.results.capture_record import capture_exif
from edgetl.edge.sources.file_kinds import is_picture_file
from edgetl.edge.sources.folders import class_name, is_hidden, is_system_folder, is_text
from edgetl.edge.system.files import replacing, timed_path
from edgetl.edge.system.messages import logger
from edgetl.edge.system.moving import move_whole

# What is deleted, by class; hidden, so that no command reads it.
DELETED = ".deleted"
_QUALITY = 95
_UNDONE = 200


@dataclass(frozen=True)
class _Step:
    """What was done: a photo moved from one path to another; None is nowhere."""

    words: str
    before: Path | None
    after: Path


class PhotoFolder:
    """Photos by class. Each change can be undone. Not safe to share between threads.

    Photos are named by the time, UTC, and the session: 20261130T120000.000Z-1a2b3c4d.jpg. Their
    EXIF data has both too, by which training finds photos of one moment. They are written whole: a
    photo is there, or it is not.

    Attributes:
        session: eight hexadecimal digits that distinguish what this object adds.
    """

    def __init__(self, path: Path, classes: Sequence[str] = ()) -> None:
        """Make the folder, and those of `classes`, where they are missing.

        Raises:
            SinkError: a folder cannot be made or read.
        """
        self.session = secrets.token_hex(4)
        self._path = path
        self._steps: list[_Step] = []
        self._listed: dict[str, tuple[int, list[str]]] = {}
        try:
            path.mkdir(parents=True, exist_ok=True)
            found = sorted(
                one.name
                for one in path.iterdir()
                if one.is_dir() and not is_hidden(one.name) and not is_system_folder(one.name)
            )
        except OSError as error:
            raise _sink_error(path, error) from error
        for name in found:
            if not is_text(name):
                logger.warning(f"{quoted(path / name)}: no name for a class; left out; rename it")
        self._classes = list(dict.fromkeys((*classes, *filter(is_text, found))))
        for name in classes:
            self._make(name)

    @property
    def classes(self) -> tuple[str, ...]:
        """Their names: those asked for first, then the others."""
        return tuple(self._classes)

    @property
    def undoable(self) -> str | None:
        """What `undo` would take back, in words; None if nothing."""
        return self._steps[-1].words if self._steps else None

    def add_class(self, text: str) -> str:
        """Make the folder of a class; its name.

        Raises:
            SettingError: no folder can have that name.
            SinkError: it cannot be made.
        """
        name = class_name(text)
        if name not in self._classes:
            self._make(name)
            self._classes.append(name)
        return name

    def folder_of(self, label: str) -> Path:
        """The folder of a class.

        Raises:
            SettingError: there is no such class.
        """
        if label not in self._classes:
            raise SettingError(f"{quoted(label)}: no such class here")
        return self._path / label

    def photos(self, label: str) -> list[str]:
        """The names of a class's photos, oldest first.

        Raises:
            SinkError: its folder cannot be read.
        """
        folder = self._path / label
        try:
            changed = folder.stat().st_mtime_ns
            known = self._listed.get(label)
            if known is None or known[0] != changed:
                names = sorted(path.name for path in folder.iterdir() if is_picture_file(path))
                self._listed[label] = known = (changed, names)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _sink_error(folder, error) from error
        return known[1]

    def path_of(self, file: str) -> Path:
        """The path of CLASS/NAME.

        Raises:
            SettingError: there is no such photo.
        """
        label, _, name = file.rpartition("/")
        if label not in self._classes or name not in self.photos(label):
            raise SettingError(f"{quoted(file)}: no such photo here")
        return self._path / label / name

    def add(self, pixels: Pixels, label: str, *, now: datetime | None = None) -> str:
        """Save a picture as a photo of a class; CLASS/NAME.

        Args:
            pixels: uint8 [height, width, 3] RGB.
            label: one of `classes`.
            now: when it was taken; default the time now.

        Raises:
            SettingError: there is no such class.
            SinkError: it cannot be written.
        """
        folder = self.folder_of(label)
        taken = now or datetime.now(UTC)
        path = timed_path(folder, taken, f"{self.session}.jpg")
        exif = capture_exif(self.session, taken)
        try:
            folder.mkdir(exist_ok=True)
            with replacing(path) as temporary:
                Image.fromarray(pixels).save(temporary, "JPEG", quality=_QUALITY, exif=exif)
        except OSError as error:
            raise _sink_error(path, error) from error
        self._done(_Step(f"saved a photo of {label}", None, path))
        return f"{label}/{path.name}"

    def delete(self, file: str) -> None:
        """Put a photo, CLASS/NAME, into the folder of deleted ones.

        Raises:
            SettingError: there is no such photo.
            SinkError: it cannot be moved.
        """
        path = self.path_of(file)
        self._move(path, self._path / DELETED / path.parent.name, f"deleted {file}")

    def move(self, file: str, label: str) -> None:
        """Put a photo, CLASS/NAME, into another class.

        Raises:
            SettingError: there is no such photo or class.
            SinkError: it cannot be moved.
        """
        path, folder = self.path_of(file), self.folder_of(label)
        if path.parent.name != label:
            self._move(path, folder, f"moved {file} to {label}")

    def undo(self) -> str | None:
        """Take the last change back; what it was, None if there is none.

        Raises:
            SinkError: a file cannot be moved back; the change stays.
        """
        if not self._steps:
            return None
        step = self._steps[-1]
        back = step.before or self._path / DELETED / step.after.parent.name / step.after.name
        if step.after.exists():
            self._moved(step.after, back)
        self._steps.pop()
        return step.words

    def _make(self, label: str) -> None:
        try:
            (self._path / label).mkdir(exist_ok=True)
        except OSError as error:
            raise _sink_error(self._path / label, error) from error

    def _move(self, path: Path, folder: Path, words: str) -> None:
        self._done(_Step(words, path, self._moved(path, folder / path.name)))

    def _moved(self, path: Path, target: Path) -> Path:
        try:
            return move_whole(path, target)
        except OSError as error:
            raise _sink_error(path, error) from error

    def _done(self, step: _Step) -> None:
        self._steps = [*self._steps[-_UNDONE:], step]
        # Two changes can have one time.
        self._listed.clear()


def _sink_error(path: Path, error: OSError) -> SinkError:
    if isinstance(error, FileExistsError):
        return SinkError(f"{quoted(path)}: not a folder; choose another folder")
    return SinkError(f"{quoted(path)}: {reason(error)}; make room, or choose another folder")
