"""Whether every table, vector and string of a flatbuffer lies where a reader in C++ will look.

Readers follow offsets unchecked, so a damaged file can send them anywhere. This is what the
Verifier of the C++ library does (https://flatbuffers.dev/internals/), driven by layouts: which
field of a table is what. Fields that a layout does not name must lie in the table.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

# The largest genuine classifiers have some ten thousand; more would only keep us busy.
MAX_TABLES = 100_000

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_VTABLE_HEAD = struct.Struct("<HH")


@dataclass(frozen=True)
class Scalar:
    """A number in the table itself, `size` bytes."""

    size: int


@dataclass(frozen=True)
class Scalars:
    """A vector of numbers, `size` bytes each."""

    size: int


@dataclass(frozen=True)
class Text:
    """A string, which ends with a zero byte."""


@dataclass(frozen=True, eq=False)
class Child:
    """A table."""

    layout: "Layout"


@dataclass(frozen=True, eq=False)
class Children:
    """A vector of tables."""

    layout: "Layout"


@dataclass(frozen=True, eq=False)
class Union:
    """A table whose layout depends on the number in field `tag`; {} where that is not listed."""

    tag: int
    layouts: Mapping[int, "Layout"]


Kind: TypeAlias = Scalar | Scalars | Text | Child | Children | Union
Layout: TypeAlias = Mapping[int, Kind]

_UNKNOWN: Layout = {}


def check_flatbuffer(data: bytes, root: Layout) -> None:
    """Check a whole flatbuffer, whose first four bytes point to a table of layout `root`.

    Raises:
        ValueError: something lies outside the data, is misaligned, or there is too much of it.
    """
    _Checker(data).check(root)


class _Checker:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._size = len(data)
        self._tables: set[tuple[int, int]] = set()
        # A file in which each part is used once stays below this; one in which thousands of tables
        # share one long vector would keep every reader busy for hours.
        self._unread = 2 * len(data)

    def check(self, root: Layout) -> None:
        self._table(self._followed(0), root)

    def _followed(self, position: int) -> int:
        """Where the offset at `position` points to: four bytes that can be read there."""
        if position < 0 or position + 4 > self._size:
            raise ValueError(f"offset at {position} is outside the file")
        offset = _U32.unpack_from(self._data, position)[0]
        target: int = position + offset
        if not offset or target % 4 or target + 4 > self._size:
            raise ValueError(f"offset at {position} points to {target}")
        return target

    def _table(self, position: int, layout: Layout) -> None:
        # Tables may be shared; looked at once each, they cannot keep us longer than the file is.
        key = (position, id(layout))
        if key in self._tables:
            return
        self._tables.add(key)
        if len(self._tables) > MAX_TABLES:
            raise ValueError(f"more than {MAX_TABLES} tables")
        offsets, size = self._vtable(position)
        for field, kind in layout.items():
            offset = offsets[field] if field < len(offsets) else 0
            if not offset:
                continue
            # Offsets to tables, vectors and strings are four bytes.
            width = kind.size if isinstance(kind, Scalar) else 4
            at = position + offset
            if offset + width > size or at % width:
                raise ValueError(f"field {field} of the table at {position} is out of place")
            if isinstance(kind, Union):
                tag = offsets[kind.tag] if kind.tag < len(offsets) else 0
                number = self._data[position + tag] if tag else 0
                self._table(self._followed(at), kind.layouts.get(number, _UNKNOWN))
            elif not isinstance(kind, Scalar):
                self._reference(self._followed(at), kind)

    def _reference(self, position: int, kind: Child | Children | Scalars | Text) -> None:
        """Check the table, vector or string at `position`."""
        if isinstance(kind, Child):
            self._table(position, kind.layout)
        elif isinstance(kind, Children):
            start, length = self._vector(position, 4)
            if length > MAX_TABLES:
                raise ValueError(f"more than {MAX_TABLES} tables")
            for index in range(length):
                self._table(self._followed(start + 4 * index), kind.layout)
        elif isinstance(kind, Scalars):
            self._vector(position, kind.size)
        else:
            start, length = self._vector(position, 1)
            if start + length >= self._size or self._data[start + length]:
                raise ValueError(f"string at {start} does not end")

    def _vtable(self, position: int) -> tuple[tuple[int, ...], int]:
        """The offset of each field (0: absent) from the table at `position`, and its size."""
        vtable = position - _I32.unpack_from(self._data, position)[0]
        if vtable < 0 or vtable % 2 or vtable + 4 > self._size:
            raise ValueError(f"table at {position} has its vtable at {vtable}")
        length, size = _VTABLE_HEAD.unpack_from(self._data, vtable)
        if length < 4 or length % 2 or vtable + length > self._size:
            raise ValueError(f"vtable at {vtable} is {length} bytes long")
        if size < 4 or position + size > self._size:
            raise ValueError(f"table at {position} is {size} bytes long")
        offsets = struct.unpack_from(f"<{length // 2 - 2}H", self._data, vtable + 4)
        if any(offset and not 4 <= offset < size for offset in offsets):
            raise ValueError(f"a field of the table at {position} is outside it")
        return offsets, size

    def _vector(self, position: int, width: int) -> tuple[int, int]:
        """Where the elements of the vector at `position` begin, and how many there are."""
        start = position + 4
        length: int = _U32.unpack_from(self._data, position)[0]
        if start + length * width > self._size:
            raise ValueError(f"vector at {position} has {length} elements")
        if length and start % width:
            raise ValueError(f"vector at {position} is misaligned")
        self._unread -= length * width
        if self._unread < 0:
            raise ValueError("the same bytes are used too often")
        return start, length
