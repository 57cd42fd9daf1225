"""Whether every table, vector and string of a flatbuffer lies where a reader in C++ will look.

Readers follow offsets unchecked, so a damaged file can send them anywhere. This is what the
Verifier of the C++ library does (https://flatbuffers.dev/internals/), driven by the kinds of fields
that a schema has (`edgetl.edge.model.verify.schema`). Other fields must lie in the table.
"""

import struct
from collections.abc import Mapping, Sequence

from edgetl.edge.model.verify.schema import NUMBERS, UNIONS, UNLISTED

# The largest genuine classifiers have some ten thousand; more would only keep us busy.
MAX_TABLES = 100_000

_U32 = struct.Struct("<I")
_I32 = struct.Struct("<i")
_VTABLE_HEAD = struct.Struct("<HH")


def check_flatbuffer(data: bytes, kinds: Mapping[str, Sequence[str]], *, root: str) -> None:
    """Check a whole flatbuffer.

    Args:
        data: its first four bytes point to a table called `root`.
        kinds: of the fields of each table, as `schema.KINDS`.

    Raises:
        ValueError: something lies outside the data, is misaligned, or there is too much of it.
    """
    checker = _Checker(data, kinds)
    checker.table(checker.followed(0), root)


class _Checker:
    def __init__(self, data: bytes, kinds: Mapping[str, Sequence[str]]) -> None:
        self._data = data
        self._kinds = kinds
        self._size = len(data)
        self._tables: set[tuple[int, str]] = set()
        # A file in which each part is used once stays below this; one in which thousands of tables
        # share one long vector would keep every reader busy for hours.
        self._unread = 2 * len(data)

    def followed(self, position: int) -> int:
        """Where the offset at `position` points to: four bytes that can be read there."""
        if position < 0 or position + 4 > self._size:
            raise ValueError(f"offset at {position} is outside the file")
        offset = _U32.unpack_from(self._data, position)[0]
        target: int = position + offset
        if not offset or target % 4 or target + 4 > self._size:
            raise ValueError(f"offset at {position} points to {target}")
        return target

    def table(self, position: int, name: str) -> None:
        """Check the table at `position`, and what it refers to."""
        # Tables may be shared; looked at once each, they cannot keep us longer than the file is.
        if (position, name) in self._tables:
            return
        self._tables.add((position, name))
        if len(self._tables) > MAX_TABLES:
            raise ValueError(f"more than {MAX_TABLES} tables")
        offsets, size = self._vtable(position)
        # A vtable ends with the last field that is there.
        for field, (kind, offset) in enumerate(zip(self._kinds[name], offsets, strict=False)):
            if not offset or kind == "-":
                continue
            # Offsets to tables, vectors and strings are four bytes.
            width = NUMBERS[kind].bytewidth if kind in NUMBERS else 4
            at = position + offset
            if offset + width > size or at % width:
                raise ValueError(f"field {field} of the table at {position} is out of place")
            if kind in UNIONS:
                tag = offsets[field - 1]
                number = self._data[position + tag] if tag else 0
                self.table(self.followed(at), UNIONS[kind].get(number, UNLISTED))
            elif kind not in NUMBERS:
                self._reference(self.followed(at), kind)

    def _reference(self, position: int, kind: str) -> None:
        """Check the table, vector or string at `position`."""
        item = kind.strip("[]")
        if kind == "string":
            start, length = self._vector(position, 1)
            if start + length >= self._size or self._data[start + length]:
                raise ValueError(f"string at {start} does not end")
        elif item == kind:
            self.table(position, kind)
        elif item in NUMBERS:
            self._vector(position, NUMBERS[item].bytewidth)
        else:
            start, length = self._vector(position, 4)
            if length > MAX_TABLES:
                raise ValueError(f"more than {MAX_TABLES} tables")
            for index in range(length):
                self.table(self.followed(start + 4 * index), item)

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
