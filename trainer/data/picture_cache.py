"""Every picture decoded once, through the one preprocessing path, into a file of pixels.

An entry's key is the content of the files, their order and the
preprocessing settings, so a changed picture or setting makes a new entry and renamed pictures do
not.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from edgetl.edge.errors import PictureError, RunFolderError, quoted, reason
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import PREPROCESSING_VERSION, Pixels, model_input
from edgetl.edge.system.files import write_json
from edgetl.trainer.data.memory_mapped import MemoryMappedArray, new_rows, open_rows
from edgetl.trainer.progress import progress

# Entries that are kept, the newest used first: enough to compare a few input sizes.
KEPT_ENTRIES = 4

_ENTRY_VERSION = 3
# An incomplete entry that is older was left by a process that is gone.
_LONGEST_BUILDING_SECONDS = 24 * 3600
# Written last: an entry that holds it is complete.
_FACTS = "pictures.json"
# Results ahead of the one that is written; those of 100,000 pictures would not fit in memory.
_WAITING = 256

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True)
class DecodedPictures:
    """`pixels` is uint8 [pictures, height, width, 3] RGB on disk, in the files' order.

    `errors` gives the reason for each unreadable file by index; its pixels are zeros. `digests`
    are the SHA-256 of the files' contents (empty for a file that cannot be opened), `pixel_digests`
    those of `pixels` (empty for an unreadable file), `sizes` the files' (width, height) in pixels,
    None for an unreadable file.
    """

    pixels: MemoryMappedArray
    errors: dict[int, str]
    digests: list[str]
    pixel_digests: list[str]
    sizes: list[tuple[int, int] | None]


def decode_pictures(
    paths: Sequence[Path], input_size: InputSize, *, cache: Path
) -> DecodedPictures:
    """Decode pictures, or find them decoded in `cache`.

    Args:
        paths: the files, in the order of the result.
        input_size: the size and fit of the pixels.
        cache: a folder of ours for entries; the oldest are removed beyond KEPT_ENTRIES.

    Raises:
        RunFolderError: the cache cannot be written, or the disk is full.
    """
    digests = list(_in_parallel(_digest, paths, "reading"))
    settings = [
        _ENTRY_VERSION,
        PREPROCESSING_VERSION,
        input_size.height,
        input_size.width,
        input_size.resize_mode,
    ]
    key = hashlib.sha256(json.dumps([settings, digests]).encode()).hexdigest()[:24]
    entry = cache / key
    try:
        if not (entry / _FACTS).is_file():
            cache.mkdir(parents=True, exist_ok=True)
            _write_entry(entry, paths, input_size)
        os.utime(entry)
        _remove_oldest(cache)
        facts = json.loads((entry / _FACTS).read_text(encoding="utf-8"))
        pixels = open_rows(entry / "pixels.npy")
    except OSError as error:
        raise RunFolderError(
            f"{quoted(cache)}: cannot write decoded pictures there: {reason(error)}"
        ) from error
    return DecodedPictures(
        pixels=pixels,
        errors={int(index): words for index, words in facts["errors"].items()},
        digests=digests,
        pixel_digests=facts["pixel_digests"],
        sizes=[size and (size[0], size[1]) for size in facts["sizes"]],
    )


def read_pictures(paths: Sequence[Path], input_size: InputSize, description: str) -> Pixels:
    """Decode a few pictures into memory: uint8 [pictures, height, width, 3] RGB.

    Raises:
        PictureError: one of them cannot be read.
    """
    decoded = _in_parallel(lambda path: model_input(path, input_size), paths, description)
    return np.stack(list(decoded))


def _write_entry(entry: Path, paths: Sequence[Path], input_size: InputSize) -> None:
    shape = (len(paths), input_size.height, input_size.width, 3)
    free = shutil.disk_usage(entry.parent).free
    needed = int(np.prod(shape))
    if needed > free:
        raise RunFolderError(
            f"{quoted(entry.parent)}: the decoded pictures take {needed / 1e9:.1f} GB and "
            f"{free / 1e9:.1f} GB are free; free some, or choose another disk with --out"
        )
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=entry.parent))
    try:
        pixels = new_rows(building / "pixels.npy", shape, np.uint8)
        errors: dict[str, str] = {}
        sizes: list[tuple[int, int] | None] = []
        pixel_digests: list[str] = []
        decoded = _in_parallel(lambda path: _decode(path, input_size), paths, "decoding")
        for index, (picture, size) in enumerate(decoded):
            if isinstance(picture, str):
                errors[str(index)] = picture
                pixel_digests.append("")
            else:
                pixels.write(index, picture)
                pixel_digests.append(hashlib.sha256(picture.tobytes()).hexdigest())
            sizes.append(size)
        facts = {"errors": errors, "sizes": sizes, "pixel_digests": pixel_digests}
        write_json(building / _FACTS, facts)
        building.rename(entry)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _decode(path: Path, input_size: InputSize) -> tuple[Pixels | str, tuple[int, int] | None]:
    """A picture's pixels and its own size, or why it cannot be read and None."""
    try:
        pixels = model_input(path, input_size)
        with Image.open(path) as image:
            return pixels, image.size
    except PictureError as error:
        return str(error).removeprefix(f"{quoted(path)}: "), None


def _remove_oldest(cache: Path) -> None:
    entries = [path for path in cache.iterdir() if (path / _FACTS).is_file()]
    entries.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    left_by_a_kill = [
        path
        for path in cache.glob(".building-*")
        if time.time() - path.stat().st_mtime > _LONGEST_BUILDING_SECONDS
    ]
    for path in (*entries[KEPT_ENTRIES:], *left_by_a_kill):
        shutil.rmtree(path, ignore_errors=True)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _in_parallel(
    function: Callable[[_T], _R], items: Sequence[_T] | Iterable[_T], description: str
) -> Iterator[_R]:
    """`function` over `items`, in order; Pillow, OpenCV and hashlib leave the GIL free."""
    everything = list(items)
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool, progress(description, len(everything)) as advance:
        waiting: deque[Future[_R]] = deque()
        for item in everything:
            waiting.append(pool.submit(function, item))
            if len(waiting) > _WAITING:
                advance()
                yield waiting.popleft().result()
        while waiting:
            advance()
            yield waiting.popleft().result()
