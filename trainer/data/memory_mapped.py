"""Arrays on disk that may be larger than memory, read and written some rows at a time."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


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

    def write(self, first: int, rows: npt.NDArray[Any]) -> None:
        """Write `rows` from row `first` on.

        Raises:
            OSError: the disk is full. (Writing into a mapping would be a bus error instead.)
        """
        row_bytes = self.dtype.itemsize * int(np.prod(self.shape[1:]))
        start = self.path.stat().st_size - row_bytes * len(self)
        with self.path.open("r+b") as file:
            file.seek(start + first * row_bytes)
            file.write(np.ascontiguousarray(rows, self.dtype).data)


def open_rows(path: Path) -> MemoryMappedArray:
    """A .npy file that is there. Raises OSError or ValueError where it is not, or is damaged."""
    mapped = np.load(path, mmap_mode="r")
    return MemoryMappedArray(path, mapped.shape, mapped.dtype)


def new_rows(path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> MemoryMappedArray:
    """A .npy file of zeros, its space on the disk allocated at once.

    Raises:
        OSError: the disk has no room for it.
    """
    file = MemoryMappedArray(path, shape, np.dtype(dtype))
    with path.open("wb") as stream:
        header = {"descr": file.dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(stream, header)  # type: ignore[no-untyped-call]
        end = stream.tell() + file.dtype.itemsize * int(np.prod(shape))
        stream.flush()
        if hasattr(os, "posix_fallocate") and end > stream.tell():
            os.posix_fallocate(stream.fileno(), 0, end)
        else:
            stream.truncate(end)
    return file
