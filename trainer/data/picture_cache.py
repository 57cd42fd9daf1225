"""Every picture decoded once, through the one preprocessing path, into a file of pixels.

An entry's key is the content of the files, their order and the
preprocessing settings, so a changed picture or setting makes a new entry and renamed pictures do
not.
"""

import errno
import hashlib
import json
import os
import shutil
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from edgetl.edge.errors import (
    DataError,
    MissingDecoderError,
    PictureError,
    RunFolderError,
    quoted,
    reason,
)
from edgetl.edge.model.input_size import InputSize
from edgetl.edge.model.preprocessing import (
    PREPROCESSING_VERSION,
    Pixels,
    model_input,
    model_input_and_size,
)
from edgetl.edge.system.allowance import cores, memory
from edgetl.edge.system.files import write_json
from edgetl.edge.system.messages import logger
from edgetl.trainer.data.cache_entries import hold, new_entry, prune, remove
from edgetl.trainer.data.memory_mapped import (
    DamagedRowsError,
    MemoryMappedArray,
    open_rows,
    write_rows,
)
from edgetl.trainer.data.wording import ANOTHER_DISK
from edgetl.trainer.progress import progress

# Entries that are kept, the newest used first: enough to compare a few input sizes.
KEPT_ENTRIES = 4

_ENTRY_VERSION = 4
_PIXELS, _FACTS = "pixels.npy", "pictures.json"
# Results ahead of the one that is written; those of 100,000 pictures would not fit in memory.
_WAITING = 256

# What decoding a picture of 50 megapixels takes that is no JPEG.
_PICTURE_BYTES = 400_000_000

# Errors of the machine, and what helps. Those that are not here are the file's.
_MORE_FILES = "raise the limit (`ulimit -n 4096`) or end other programs, and try again"
_MORE_MEMORY = "end other programs, or make the picture smaller, and try again"
_BAD_DISK = "check the disk and its cable, or copy the photos to another, and try again"
_LOST_MOUNT = "mount the network folder again, and try again"
_REMEDIES = {
    errno.EMFILE: _MORE_FILES,
    errno.ENFILE: _MORE_FILES,
    errno.ENOMEM: _MORE_MEMORY,
    errno.EIO: _BAD_DISK,
    errno.ESTALE: _LOST_MOUNT,
    errno.ENOTCONN: _LOST_MOUNT,
    errno.EHOSTDOWN: _LOST_MOUNT,
    errno.ETIMEDOUT: _LOST_MOUNT,
}

# The pixels of an entry, and what `_FACTS` holds.
_Entry = tuple[MemoryMappedArray, dict[str, Any]]
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
    paths: Sequence[Path],
    input_size: InputSize,
    *,
    cache: Path,
    digests: Sequence[str] | None = None,
) -> DecodedPictures:
    """Decode pictures, or find them decoded in `cache`.

    Args:
        paths: the files, in the order of the result.
        input_size: the size and fit of the pixels.
        cache: a folder of ours for entries; the oldest are removed beyond KEPT_ENTRIES, but none
            that a training or export uses. What is returned is in use as long as `pixels` is.
        digests: of `file_digests`, where they are known.

    Raises:
        DataError: the machine fails to read a picture: too many open files, no memory, a bad disk.
        RunFolderError: the cache cannot be written, or the disk is full.
    """
    known = list(digests) if digests is not None else file_digests(paths)
    settings = [
        _ENTRY_VERSION,
        PREPROCESSING_VERSION,
        input_size.height,
        input_size.width,
        input_size.resize_mode,
    ]
    key = hashlib.sha256(json.dumps([settings, known]).encode()).hexdigest()[:24]
    try:
        found = _opened(cache / key) or _made(cache / key, paths, input_size)
        prune(cache, keep=KEPT_ENTRIES)
    except OSError as error:
        raise RunFolderError(
            f"{quoted(cache)}: cannot write decoded pictures there: {reason(error)}; {ANOTHER_DISK}"
        ) from error
    pixels, facts = found
    return DecodedPictures(
        pixels=pixels,
        errors={int(index): words for index, words in facts["errors"].items()},
        digests=known,
        pixel_digests=facts["pixel_digests"],
        sizes=[size and (size[0], size[1]) for size in facts["sizes"]],
    )


def file_digests(paths: Sequence[Path]) -> list[str]:
    """The SHA-256 of the files' contents, "" for a file that cannot be read.

    Raises:
        DataError: the machine fails to read one that may be whole.
    """
    return list(_in_parallel(_digest, paths, "reading"))


def read_pictures(paths: Sequence[Path], input_size: InputSize, description: str) -> Pixels:
    """Decode a few pictures into memory: uint8 [pictures, height, width, 3] RGB.

    Raises:
        PictureError: one of them cannot be read.
    """
    decoded = _in_parallel(lambda path: model_input(path, input_size), paths, description)
    return np.stack(list(decoded))


def decode_each(
    paths: Sequence[Path], input_size: InputSize, description: str
) -> Iterator[tuple[Pixels | str, tuple[int, int] | None]]:
    """Each picture's pixels, uint8 [height, width, 3] RGB, and its own (width, height), in order.

    One that cannot be read is the reason for that, and None.

    Raises:
        DataError: the machine fails to read one that may be whole.
    """
    return _in_parallel(lambda path: _decode(path, input_size), paths, description)


def pixel_digest(pixels: Pixels) -> str:
    """By which copies of a picture are known: the SHA-256 of its pixels."""
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def _opened(entry: Path) -> _Entry | None:
    """An entry that is there and whole, held until its pixels are no longer used."""
    let_go = hold(entry)
    if let_go is None:
        return None
    try:
        pixels = open_rows(entry / _PIXELS)
        facts = json.loads((entry / _FACTS).read_text(encoding="utf-8"))
    except (DamagedRowsError, ValueError, FileNotFoundError) as error:
        let_go()
        logger.warning(f"{quoted(entry)}: decoded pictures are damaged, {error}; decoded again")
        if not remove(entry):
            raise RunFolderError(
                f"{quoted(entry)}: decoded pictures are damaged, and another training uses them; "
                f"end it and try again, or {ANOTHER_DISK}"
            ) from error
        return None
    weakref.finalize(pixels, let_go)
    return pixels, facts


def _made(entry: Path, paths: Sequence[Path], input_size: InputSize) -> _Entry:
    entry.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(entry.parent).free
    needed = len(paths) * input_size.height * input_size.width * 3
    if needed > free:
        raise RunFolderError(
            f"{quoted(entry.parent)}: the decoded pictures take {needed / 1e6:,.0f} MB and "
            f"{free / 1e6:,.0f} MB are free; free some, or {ANOTHER_DISK}"
        )
    blank = np.zeros((input_size.height, input_size.width, 3), np.uint8)
    errors: dict[str, str] = {}
    sizes: list[tuple[int, int] | None] = []
    pixel_digests: list[str] = []

    def rows() -> Iterator[Pixels]:
        for index, (picture, size) in enumerate(decode_each(paths, input_size, "decoding")):
            sizes.append(size)
            if isinstance(picture, str):
                errors[str(index)] = picture
                pixel_digests.append("")
                yield blank[np.newaxis]
            else:
                pixel_digests.append(pixel_digest(picture))
                yield picture[np.newaxis]

    facts = {"errors": errors, "sizes": sizes, "pixel_digests": pixel_digests}
    with new_entry(entry) as building:
        written = write_rows(building / _PIXELS, len(paths), rows(), np.uint8)
        write_json(building / _FACTS, facts)
    pixels = replace(written, path=entry / _PIXELS)
    if let_go := hold(entry):
        weakref.finalize(pixels, let_go)
    return pixels, facts


def _decode(path: Path, input_size: InputSize) -> tuple[Pixels | str, tuple[int, int] | None]:
    """A picture's pixels and its own size, or why it cannot be read and None."""
    try:
        return model_input_and_size(path, input_size)
    except MissingDecoderError:
        # Not the picture's fault: an entry that remembered it would outlast the installation.
        raise
    except (PictureError, OSError, MemoryError) as error:
        _check_machine(path, error)
        _check_machine(path, error.__cause__)
        return str(error).removeprefix(f"{quoted(path)}: "), None


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        _check_machine(path, error)
        return ""


def _workers() -> int:
    """As many as there are cores, and as half of the memory holds large pictures."""
    there = memory()
    return cores() if there is None else max(1, min(cores(), there // 2 // _PICTURE_BYTES))


def _check_machine(path: Path, error: BaseException | None) -> None:
    """What fails is the machine and may pass: it is nothing to remember of the picture.

    Raises:
        DataError: so it is.
    """
    number = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
    if number in _REMEDIES:
        raise DataError(
            f"{quoted(path)}: could not be read ({os.strerror(number).lower()}), which says "
            f"nothing about the picture; {_REMEDIES[number]}"
        ) from error


def _in_parallel(
    function: Callable[[_T], _R], items: Sequence[_T] | Iterable[_T], description: str
) -> Iterator[_R]:
    """`function` over `items`, in order; Pillow, OpenCV and hashlib leave the GIL free."""
    everything = list(items)
    with ThreadPoolExecutor(_workers()) as pool, progress(description, len(everything)) as advance:
        waiting: deque[Future[_R]] = deque()
        for item in everything:
            waiting.append(pool.submit(function, item))
            if len(waiting) > _WAITING:
                advance()
                yield waiting.popleft().result()
        while waiting:
            advance()
            yield waiting.popleft().result()
