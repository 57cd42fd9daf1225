"""Arrays on disk that may be larger than memory, written once and read some rows at a time.

A file is an ordinary .npy file, followed by the CRC-32 of each block of its data: after a power cut
a file may have its name and length, and zeros in place of what was written.
"""

import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from edgetl.edge.system.files import sync_folder

_BLOCK_BYTES = 2**22
_CRC = np.dtype("<u4")


class DamagedRowsError(Exception):
    """A file of rows that is not as it was written. The message is only the reason."""


@dataclass(frozen=True)
class MemoryMappedArray:
    """A .npy file of `shape`, of which only the rows that are read are in memory."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> npt.NDArray[Any]:
        """The rows as an array in memory; `rows` is whatever indexes a NumPy array."""
        # Mapped again each time: the pages of a mapping that stays open count as ours until the
        # system runs short, and a training would seem to take as much memory as its pictures.
        return np.array(np.load(self.path, mmap_mode="r")[rows])


def open_rows(path: Path) -> MemoryMappedArray:
    """A file of rows that is there, after its checksums have been compared.

    Raises:
        OSError: it cannot be read.
        DamagedRowsError: it is not as `write_rows` left it.
    """
    try:
        mapped = np.load(path, mmap_mode="r")
    except (ValueError, EOFError) as error:
        raise DamagedRowsError("it is cut off") from error
    offset, size = mapped.offset, mapped.nbytes
    file = MemoryMappedArray(path, mapped.shape, mapped.dtype)
    del mapped
    with path.open("rb") as stream:
        stream.seek(offset)
        found = np.fromiter(_checksums(stream, size), _CRC)
        stored = np.frombuffer(stream.read(), np.uint8)
    if len(stored) != found.nbytes:
        raise DamagedRowsError("it has no checksums")
    wrong = int((found != stored.view(_CRC)).sum())
    if wrong:
        raise DamagedRowsError(f"{wrong} of its {len(found)} blocks differ from their checksums")
    return file


def write_rows(
    path: Path, count: int, blocks: Iterable[npt.NDArray[Any]], dtype: npt.DTypeLike
) -> MemoryMappedArray:
    """Write a file of rows, which gets its name once all of it has reached the disk.

    Args:
        path: what is written until then is beside it and ends in .part.
        count: how many rows there will be, 1 or more; their space is allocated at once.
        blocks: arrays of some rows each, in order, together `count`.
        dtype: what the rows are stored as.

    Raises:
        OSError: the disk is full.
    """
    part = path.with_suffix(".part")
    following = iter(blocks)
    first = np.asarray(next(following), dtype)
    shape = (count, *first.shape[1:])
    checksums, written = _RunningChecksums(), 0
    with part.open("wb") as stream:
        _begin(stream, shape, first.dtype)
        for block in chain([first], following):
            rows = np.ascontiguousarray(block, dtype)
            checksums.add(rows.data.cast("B"))
            stream.write(rows.data)
            written += len(rows)
        assert written == count
        stream.write(np.array(checksums.finished(), _CRC).tobytes())
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    sync_folder(path.parent)
    return MemoryMappedArray(path, shape, first.dtype)


def _begin(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Write the header and allocate the space of the rows."""
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)  # type: ignore[no-untyped-call]
    end = stream.tell() + dtype.itemsize * int(np.prod(shape))
    stream.flush()
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(stream.fileno(), 0, end)


class _RunningChecksums:
    """The CRC-32 of each block of bytes that come in pieces of any length."""

    def __init__(self) -> None:
        self._whole: list[int] = []
        self._last = self._length = 0

    def add(self, data: memoryview) -> None:
        while data:
            some = data[: _BLOCK_BYTES - self._length]
            self._last = zlib.crc32(some, self._last)
            self._length += len(some)
            if self._length == _BLOCK_BYTES:
                self._whole.append(self._last)
                self._last = self._length = 0
            data = data[len(some) :]

    def finished(self) -> list[int]:
        return [*self._whole, self._last] if self._length else self._whole


def _checksums(stream: IO[bytes], size: int) -> Iterator[int]:
    buffer = bytearray(_BLOCK_BYTES)
    while size > 0:
        some = memoryview(buffer)[: min(size, _BLOCK_BYTES)]
        got = stream.readinto(some)  # type: ignore[attr-defined]
        if got != len(some):
            raise DamagedRowsError("it is cut off")
        yield zlib.crc32(some)
        size -= got
