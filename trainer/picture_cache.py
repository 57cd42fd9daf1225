"""Every picture decoded once, through the one preprocessing path, into a memory-mapped file.

Training, calibration and parity checks read their pixels from here; nothing is decoded twice. An
entry's key is the content of the files, their order and the preprocessing settings, so a changed
picture or setting makes a new entry and renamed pictures do not.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from edge.errors import PictureError, RunFolderError, quoted, reason
from edge.files import write_json
from edge.preprocessing import PREPROCESSING_VERSION, InputGeometry, Pixels, model_input
from trainer.progress import progress

# Entries that are kept, the newest used first: enough to compare a few input sizes.
KEPT_ENTRIES = 4

_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True)
class DecodedPictures:
    """`pixels` is uint8 [pictures, height, width, 3] RGB, memory-mapped, in the files' order.

    `errors` says for the place of each unreadable file why it is; its pixels are zeros. `digests`
    are the SHA-256 of the files' contents (empty for a file that cannot be opened).
    """

    pixels: Pixels
    errors: dict[int, str]
    digests: list[str]


def decode_pictures(
    paths: Sequence[Path], geometry: InputGeometry, *, cache: Path
) -> DecodedPictures:
    """Decode pictures, or find them decoded in `cache`.

    Args:
        paths: the files, in the order of the result.
        geometry: the size and fit of the pixels.
        cache: a folder of ours for entries; the oldest are removed beyond KEPT_ENTRIES.

    Raises:
        RunFolderError: the cache cannot be written, or the disk is full.
    """
    digests = list(_in_parallel(_digest, paths, "reading"))
    settings = [PREPROCESSING_VERSION, geometry.height, geometry.width, geometry.fit]
    key = hashlib.sha256(json.dumps([settings, digests]).encode()).hexdigest()[:24]
    entry = cache / key
    try:
        if not (entry / "errors.json").is_file():
            cache.mkdir(parents=True, exist_ok=True)
            _write_entry(entry, paths, geometry)
        os.utime(entry)
        _remove_oldest(cache)
        errors = json.loads((entry / "errors.json").read_text(encoding="utf-8"))
        pixels = np.load(entry / "pixels.npy", mmap_mode="r")
    except OSError as error:
        raise RunFolderError(
            f"{quoted(cache)}: cannot keep decoded pictures there: {reason(error)}"
        ) from error
    return DecodedPictures(pixels, {int(place): words for place, words in errors.items()}, digests)


def read_pictures(paths: Sequence[Path], geometry: InputGeometry, description: str) -> Pixels:
    """Decode a few pictures into memory: uint8 [pictures, height, width, 3] RGB.

    Raises:
        PictureError: one of them cannot be read.
    """
    decoded = _in_parallel(lambda path: model_input(path, geometry), paths, description)
    return np.stack(list(decoded))


def _write_entry(entry: Path, paths: Sequence[Path], geometry: InputGeometry) -> None:
    shape = (len(paths), geometry.height, geometry.width, 3)
    free = shutil.disk_usage(entry.parent).free
    needed = int(np.prod(shape))
    if needed > free:
        raise RunFolderError(
            f"{quoted(entry.parent)}: the decoded pictures take {needed / 1e9:.1f} GB and "
            f"{free / 1e9:.1f} GB are free; free some, or choose another disk with --out"
        )
    building = Path(tempfile.mkdtemp(prefix=".building-", dir=entry.parent))
    try:
        pixels = np.lib.format.open_memmap(
            building / "pixels.npy", mode="w+", dtype=np.uint8, shape=shape
        )
        errors: dict[int, str] = {}

        def decode(place: int) -> None:
            try:
                pixels[place] = model_input(paths[place], geometry)
            except PictureError as error:
                errors[place] = str(error).removeprefix(f"{quoted(paths[place])}: ")

        for _ in _in_parallel(decode, range(len(paths)), "decoding"):
            pass
        pixels.flush()
        write_json(building / "errors.json", {str(k): errors[k] for k in sorted(errors)})
        building.rename(entry)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _remove_oldest(cache: Path) -> None:
    entries = [path for path in cache.iterdir() if (path / "errors.json").is_file()]
    entries.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in entries[KEPT_ENTRIES:]:
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
    with (
        ThreadPoolExecutor(os.cpu_count() or 1) as pool,
        progress(description, len(everything)) as advance,
    ):
        for result in pool.map(function, everything):
            advance()
            yield result
