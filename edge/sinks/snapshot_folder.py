"""A folder of limited size that pictures are kept in, each with what the model made of it."""

import re
import secrets
import shutil
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from edgetl.edge.errors import SinkError, quoted, reason
from edgetl.edge.model.model_file import ModelFile
from edgetl.edge.model.preprocessing import model_input, size_within
from edgetl.edge.results.capture_record import capture_exif, record_of
from edgetl.edge.results.result import Result
from edgetl.edge.system.files import replacing, timed_path

_QUALITY = 92
_WHOLE = 1 << 30  # pixels: longer than any side
# Any suffix: a photo keeps its own, and may have none.
_OURS = re.compile(r"\d{8}T\d{6}\.\d{3}Z-.+", re.DOTALL)
# What `replacing` leaves when the process is killed.
_HALF = re.compile(rf"\.part-.{{8}}-{_OURS.pattern}", re.DOTALL)
# What a person says is kept when they say it.
CORRECTED = "wrong"


class SnapshotFolder:
    """Keeps pictures as they were classified. Safe to share between threads.

    Names are the UTC time and a label: 20250309T120000.000Z-cat.jpg. A frame's EXIF data say when
    it was taken, by which run, and what the model made of it (`edge.results.capture_record`); a
    file is copied as it is. Of the pictures with such names, the oldest are deleted when all
    together would take more than the limit. Halves of pictures that a kill has left are removed.
    """

    def __init__(self, folder: Path, newest: Callable[[], ModelFile], *, limit_mb: float) -> None:
        """Make the folder if it is missing.

        Args:
            newest: what classifies when it is called.
            limit_mb: of all snapshots in the folder, in millions of bytes; more than 0.

        Raises:
            SinkError: the folder cannot be made or read.
        """
        self._folder = folder
        self._newest = newest
        self._session = secrets.token_hex(4)
        self._limit = limit_mb * 1e6
        self._lock = threading.Lock()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.iterdir():
                if _HALF.fullmatch(path.name):
                    path.unlink(missing_ok=True)
            # Their names are in order of time.
            found = sorted(
                path for path in folder.iterdir() if _OURS.fullmatch(path.name) and path.is_file()
            )
            self._kept = deque((path, path.stat().st_size) for path in found)
        except OSError as error:
            raise SinkError(f"{quoted(folder)}: {reason(error)}") from error
        self._bytes = sum(size for _, size in self._kept)

    def keep(self, result: Result, *, label: str, kept: str) -> None:
        """Save the picture of a result.

        Args:
            label: what it is named by.
            kept: why, in words, for its record.

        Raises:
            SinkError: it cannot be written.
        """
        self._save(result, label, kept, None)

    def correct(self, result: Result, label: str) -> None:
        """Save the picture of a result that a person says is of another class.

        Raises:
            SinkError: it cannot be written.
            PictureError: the picture was a file, which has gone.
        """
        self._save(result, label, CORRECTED, label)

    def _save(self, result: Result, label: str, kept: str, correct: str | None) -> None:
        try:
            with self._lock:
                # It may have been on a disk that was away.
                self._folder.mkdir(parents=True, exist_ok=True)
                self._write(result, label, kept, correct)
        except OSError as error:
            raise SinkError(f"{quoted(self._folder)}: {reason(error)}") from error

    def _write(self, result: Result, label: str, kept: str, correct: str | None) -> None:
        # A correction is a record, which needs a JPEG to be in.
        file = result.picture if isinstance(result.picture, Path) and correct is None else None
        named = re.sub(r"[^\w-]+", "_", label)[:60]
        suffix = ".jpg" if file is None else file.suffix
        path = timed_path(self._folder, result.time, f"{named}{suffix}")
        with replacing(path) as temporary:
            if file is not None:
                shutil.copyfile(file, temporary)
            else:
                self._encode(result, kept, correct, temporary)
            size = temporary.stat().st_size
            if size > self._limit:
                raise SinkError(
                    f"{quoted(self._folder)}: one picture of {size / 1e6:.1f} MB is more than "
                    f"--snapshots-limit"
                )
            self._make_room(size)
        self._kept.append((path, size))
        self._bytes += size

    def _encode(self, result: Result, kept: str, correct: str | None, path: Path) -> None:
        model, picture = self._newest(), result.picture
        if isinstance(picture, Path | bytes):
            picture = model_input(picture, size_within(picture, _WHOLE))
        record = record_of(
            result,
            model.labels,
            model=model.path.name,
            sha256=model.content_sha256,
            kept=kept,
            correct=correct,
        )
        exif = capture_exif(self._session, result.time, record)
        Image.fromarray(picture).save(path, "JPEG", quality=_QUALITY, exif=exif)

    def _make_room(self, size: int) -> None:
        while self._kept and self._bytes + size > self._limit:
            path, freed = self._kept.popleft()
            path.unlink(missing_ok=True)
            self._bytes -= freed
