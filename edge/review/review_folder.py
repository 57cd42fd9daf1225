"""The pictures of a review: what is left, where each went, and all of it undone."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgetl.edge.collect.photo_folder import PhotoFolder
from edgetl.edge.errors import SettingError, SinkError, plural, quoted, reason
from edgetl.edge.review.fetching import note_reviewed
from edgetl.edge.review.reading import Picture
from edgetl.edge.system.moving import move_whole

# What is discarded, in the reviewed folder; hidden, so that no command reads it.
DISCARDED = ".discarded"
_UNDONE = 1000


@dataclass(frozen=True)
class _Step:
    """What was done at once: by picture, where it went, and as what (None: discarded)."""

    words: str
    moved: Mapping[int, tuple[Path, str | None]]


class ReviewFolder:
    """Sorts pictures into classes, or discards them. Not safe to share between threads.

    Attributes:
        run: distinguishes this review from an earlier one, whose numbers mean other pictures.
        revision: counts the changes.
        pictures: all, left or not; a picture's number is its place.
        groups: numbers of pictures, by group.
    """

    def __init__(
        self,
        folder: Path,
        photos: PhotoFolder,
        pictures: Sequence[Picture],
        groups: Sequence[Sequence[int]],
        *,
        fetched: bool,
    ) -> None:
        """`fetched` is whether the folder keeps a list of what was reviewed, for the next fetch."""
        self.run = secrets.token_hex(4)
        self.revision = 0
        self.pictures = pictures
        self.groups = groups
        self._folder = folder
        self._photos = photos
        self._fetched = fetched
        self._left = set(range(len(pictures)))
        self._went: dict[int, str | None] = {}
        self._steps: list[_Step] = []

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that there are photos of, and those that are suggested."""
        suggested = {one.suggestion.label for one in self.pictures}
        return tuple(
            dict.fromkeys((*self._photos.classes, *sorted(s for s in suggested if s is not None)))
        )

    @property
    def left(self) -> frozenset[int]:
        """The numbers of the pictures that are not reviewed yet."""
        return frozenset(self._left)

    @property
    def sorted(self) -> Counter[str]:
        """How many pictures went into each class."""
        return Counter(label for label in self._went.values() if label is not None)

    @property
    def discarded(self) -> int:
        """How many were discarded."""
        return sum(label is None for label in self._went.values())

    @property
    def undoable(self) -> str | None:
        """What `undo` would take back, in words; None if nothing."""
        return self._steps[-1].words if self._steps else None

    def path_of(self, number: int) -> Path:
        """The path of a picture that is left.

        Raises:
            SettingError: there is none of this number.
        """
        if number not in self._left:
            raise SettingError("no such picture is left")
        return self._folder / self.pictures[number].file

    def add_class(self, text: str) -> str:
        """Make the folder of a class; its name.

        Raises:
            SettingError: no folder can have that name.
            SinkError: it cannot be made.
        """
        self.revision += 1
        return self._photos.add_class(text)

    def sort(self, classes: Mapping[str, Sequence[int]]) -> list[int]:
        """Move pictures into the folders of classes, which are made where they are missing.

        Returns:
            The numbers of those that are no longer left.

        Raises:
            SettingError: no folder can have such a name, or a picture is not left.
            SinkError: one cannot be moved; those before it are.
        """
        for label, numbers in classes.items():
            for number in numbers:
                self.path_of(number)
            if self._photos.add_class(label) != label:
                raise SettingError(f"class {quoted(label)!r}: has spaces around it")
        targets = {
            number: (self._photos.folder_of(label), label)
            for label, numbers in classes.items()
            for number in numbers
        }
        names = [label for label, numbers in classes.items() if numbers]
        return self._move(targets, f"to {', '.join(map(quoted, names))}")

    def discard(self, numbers: Sequence[int]) -> list[int]:
        """Move pictures into the hidden folder of those discarded.

        Returns, raises:
            As `sort`.
        """
        targets: dict[int, tuple[Path, str | None]] = {}
        for number in numbers:
            self.path_of(number)
            below = Path(self.pictures[number].file).parent
            targets[number] = (self._folder / DISCARDED / below, None)
        return self._move(targets, "discarded")

    def undo(self) -> str | None:
        """Take the last change back; what it was, None if there is none.

        Raises:
            SinkError: a picture cannot be moved back; it stays where it went, and so do others
                after it.
        """
        if not self._steps:
            return None
        step = self._steps.pop()
        waiting = dict(step.moved)
        try:
            for number, (path, _) in step.moved.items():
                if path.exists():
                    self._moved(path, self._folder / self.pictures[number].file)
                    self._left.add(number)
                del waiting[number], self._went[number]
        finally:
            self.revision += 1
            if waiting:
                self._steps.append(_Step(step.words, waiting))
        return step.words

    def _move(self, targets: Mapping[int, tuple[Path, str | None]], words: str) -> list[int]:
        moved: dict[int, tuple[Path, str | None]] = {}
        gone = []
        try:
            for number, (folder, label) in targets.items():
                path = self.path_of(number)
                if not path.exists():
                    # Somebody else has moved or deleted it.
                    gone.append(number)
                    continue
                moved[number] = (self._moved(path, folder / path.name), label)
        finally:
            self._left -= {*moved, *gone}
            self._went |= {number: label for number, (_, label) in moved.items()}
            if moved:
                step = _Step(f"{plural(len(moved), 'picture')} {words}", moved)
                self._steps = [*self._steps[-_UNDONE:], step]
            self.revision += 1
            self._note(list(moved))
        return [*moved, *gone]

    def _moved(self, path: Path, target: Path) -> Path:
        try:
            return move_whole(path, target)
        except OSError as error:
            raise SinkError(f"{quoted(path)}: {reason(error)}; nothing is lost") from error

    def _note(self, numbers: Sequence[int]) -> None:
        if not self._fetched or not numbers:
            return
        try:
            note_reviewed(self._folder, [self.pictures[number].file for number in numbers])
        except OSError as error:
            raise SinkError(
                f"{quoted(self._folder)}: {reason(error)}; these pictures would be fetched again"
            ) from error
