"""Pictures saved when a condition is met, in a folder of limited size."""

import re
import shutil
from collections import deque
from datetime import datetime
from pathlib import Path

import cv2

from edgetl.edge.errors import SinkError, quoted, reason
from edgetl.edge.results.condition import Condition
from edgetl.edge.results.result import Result
from edgetl.edge.sinks.outage import Outage
from edgetl.edge.system.files import replacing, timed_path

_SECONDS_BETWEEN = 1.0
_QUALITY = 92
# Any suffix: a photo keeps its own, and may have none.
_OURS = re.compile(r"\d{8}T\d{6}\.\d{3}Z-.+", re.DOTALL)
# What `replacing` leaves when the process is killed.
_HALF = re.compile(rf"\.part-.{{8}}-{_OURS.pattern}", re.DOTALL)


class SnapshotSink:
    """Saves the picture, as it was classified, when a condition becomes true.

    While it stays true nothing more is saved, and never more than one picture a second. Each file
    starts again, so every photo is saved that meets the condition. Names are the UTC time and the
    label: 20250309T120000.000Z-cat.jpg. Of the pictures with such names, the oldest are deleted
    when all together would take more than the limit. Halves of pictures that a kill has left are
    removed.
    """

    def __init__(
        self, folder: Path, condition: Condition, *, limit_mb: float, outage: Outage | None = None
    ) -> None:
        """Make the folder if it is missing.

        Args:
            limit_mb: of all snapshots in the folder, in millions of bytes; more than 0.
            outage: takes what fails for a while; by default the first failure is the last.

        Raises:
            SinkError: the folder cannot be made or read.
        """
        self._folder = folder
        self._condition = condition
        self._limit = limit_mb * 1e6
        self._outage = outage
        self._source: str | None = None
        self._held = False
        self._last: datetime | None = None
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

    def write(self, result: Result) -> None:
        if result.frame is None or result.source != self._source:
            self._source, self._held, self._last = result.source, False, None
        held, self._held = self._held, self._condition.holds(result)
        if held or not self._held:
            return
        if self._last and abs((result.time - self._last).total_seconds()) < _SECONDS_BETWEEN:
            # It is saved if it is still true when the second is over.
            self._held = False
            return
        self._last = result.time
        try:
            self._save(result)
        except SinkError as error:
            if self._outage is None:
                raise
            self._outage.failed(error)
            # Tried again when the second is over.
            self._held = False
        else:
            if self._outage:
                self._outage.over()

    def close(self) -> None:
        if self._outage:
            self._outage.close()

    def _save(self, result: Result) -> None:
        try:
            # It may have been on a disk that was away.
            self._folder.mkdir(parents=True, exist_ok=True)
            self._write(result)
        except OSError as error:
            raise SinkError(f"{quoted(self._folder)}: {reason(error)}") from error

    def _write(self, result: Result) -> None:
        picture = result.picture
        suffix = picture.suffix if isinstance(picture, Path) else ".jpg"
        label = re.sub(r"[^\w-]+", "_", self._condition.label)[:60]
        path = timed_path(self._folder, result.time, f"{label}{suffix}")
        with replacing(path) as temporary:
            if isinstance(picture, Path):
                shutil.copyfile(picture, temporary)
            else:
                bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
                encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
                temporary.write_bytes(encoded.tobytes())
            size = temporary.stat().st_size
            if size > self._limit:
                raise SinkError(
                    f"{quoted(self._folder)}: one picture of {size / 1e6:.1f} MB is more than "
                    f"--snapshots-limit"
                )
            self._make_room(size)
        self._kept.append((path, size))
        self._bytes += size

    def _make_room(self, size: int) -> None:
        while self._kept and self._bytes + size > self._limit:
            path, freed = self._kept.popleft()
            path.unlink(missing_ok=True)
            self._bytes -= freed
