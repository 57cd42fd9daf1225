"""Pictures kept when something is seen, in a folder that does not grow beyond a bound."""

import math
import re
import shutil
from collections import deque
from datetime import datetime, timedelta
from pathlib import Path

import cv2

from edgetl.edge.errors import SettingError, SinkError, quoted, reason
from edgetl.edge.results.condition import Condition
from edgetl.edge.results.result import Result
from edgetl.edge.system.files import replacing

LIMIT_MB = 500.0

_SECONDS_BETWEEN = 1.0
_QUALITY = 92
# Whatever it ends in: a photo keeps its suffix, and may have none.
_OURS = re.compile(r"\d{8}T\d{6}\.\d{3}Z-.+", re.DOTALL)


class SnapshotSink:
    """Saves the picture, as it was classified, when a condition comes to hold.

    While it goes on holding nothing more is saved, and never more than one picture a second. Each
    file starts anew, so of photos every one is saved that the condition holds for. Names are the
    UTC time and the label: 20250309T120000.000Z-cat.jpg. Of the pictures named so, the oldest are
    deleted when all together would take more than the limit.
    """

    def __init__(self, folder: Path, condition: Condition, *, limit_mb: float = LIMIT_MB) -> None:
        """Make the folder where there is none.

        Args:
            limit_mb: the most that the snapshots in the folder take, in millions of bytes.

        Raises:
            SettingError: `limit_mb` is not more than 0, or no number.
            SinkError: the folder cannot be made or read.
        """
        if not 0 < limit_mb < math.inf:
            raise SettingError(
                f"--snapshots-limit {limit_mb:g} is no number of MB more than 0; give the most "
                f"that all snapshots may take, such as {LIMIT_MB:g}"
            )
        self._folder = folder
        self._condition = condition
        self._limit = limit_mb * 1e6
        self._source: str | None = None
        self._held = False
        self._last: datetime | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
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
            # Not lost if it still holds when the second is over.
            self._held = False
            return
        self._last = result.time
        try:
            self._save(result)
        except OSError as error:
            raise SinkError(f"{quoted(self._folder)}: {reason(error)}") from error

    def close(self) -> None:
        pass

    def _save(self, result: Result) -> None:
        picture = result.picture
        suffix = picture.suffix if isinstance(picture, Path) else ".jpg"
        path = self._free_name(result.time, suffix)
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

    def _free_name(self, time: datetime, suffix: str) -> Path:
        while True:
            path = self._folder / f"{_stamp(time)}-{_plain(self._condition.label)}{suffix}"
            if not path.exists():
                return path
            # Photos can follow each other within a millisecond.
            time += timedelta(milliseconds=1)

    def _make_room(self, size: int) -> None:
        while self._kept and self._bytes + size > self._limit:
            path, freed = self._kept.popleft()
            path.unlink(missing_ok=True)
            self._bytes -= freed


def _stamp(time: datetime) -> str:
    return f"{time:%Y%m%dT%H%M%S}.{time.microsecond // 1000:03}Z"


def _plain(label: str) -> str:
    return re.sub(r"[^\w-]+", "_", label)[:60]
