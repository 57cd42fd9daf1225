"""A flatbuffer as a tree that can be changed, and written again.

Only what is reachable from the root is written, so that what a change leaves behind is gone. Tables
are copied with all their bytes, whatever numbers these stand for; the schema says which of them are
offsets (https://flatbuffers.dev/internals/).
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, TypeAlias, Union

import numpy as np
import numpy.typing as npt

from edgetl.edge.model.verify.schema import KINDS, NUMBERS, SLOTS, UNIONS, UNLISTED

# What a field refers to: a table, a vector of tables, a vector of numbers, or the text of a string.
Value: TypeAlias = Union["Node", "list[Node]", npt.NDArray[Any], bytes]

_U16, _U32, _I32 = (struct.Struct(f"<{kind}") for kind in "HIi")
# What TFLite's schema asks of a buffer's data. Of other vectors the elements' own width is enough.
_DATA_ALIGNMENT = 16
_TABLE_ALIGNMENT = 8


@dataclass(eq=False)
class Node:
    """A table.

    Attributes:
        name: in its schema.
        inline: its own bytes. Of a field that refers to something they hold nothing.
        fields: where in them each field lies, 0 where it is absent.
        refers: what fields refer to, by their slot in the schema.
        residue: of its position when divided by 8, by which its numbers are aligned.
    """

    name: str
    inline: bytearray = field(default_factory=lambda: bytearray(4))
    fields: list[int] = field(default_factory=list)
    refers: dict[int, Value] = field(default_factory=dict)
    residue: int = 0

    def __getitem__(self, name: str) -> Any:
        """What a field refers to, an empty list if it is absent; of a number its value."""
        slot = SLOTS[self.name][name]
        kind = KINDS[self.name][slot]
        if kind not in NUMBERS:
            return self.refers.get(slot, [])
        at = self.fields[slot] if slot < len(self.fields) else 0
        numbers = np.dtype(NUMBERS[kind].name)
        return np.frombuffer(self.inline, numbers, 1, at)[0].item() if at else 0

    def __setitem__(self, name: str, value: Any) -> None:
        """Set a field: to what it is to refer to, or to a number."""
        slot = SLOTS[self.name][name]
        kind = KINDS[self.name][slot]
        width = NUMBERS[kind].bytewidth if kind in NUMBERS else 4
        at = self._room(slot, width)
        if kind in NUMBERS:
            self.inline[at : at + width] = np.array(value, NUMBERS[kind].name).tobytes()
        else:
            self.refers[slot] = value

    def _room(self, slot: int, width: int) -> int:
        self.fields += [0] * (slot + 1 - len(self.fields))
        if not self.fields[slot]:
            self.inline += bytes(-(self.residue + len(self.inline)) % width)
            self.fields[slot] = len(self.inline)
            self.inline += bytes(width)
        return self.fields[slot]


def table(name: str, values: Mapping[str, Any]) -> Node:
    """A new table with these fields."""
    made = Node(name)
    for key, value in values.items():
        made[key] = value
    return made


def read_tree(data: bytes | memoryview, root: str) -> Node:
    """Read a flatbuffer that `edgetl.edge.model.verify.flatbuffer.check_flatbuffer` has passed.

    Args:
        data: the whole flatbuffer.
        root: the name of its root table.

    Raises:
        ValueError: a table has a field of which the schema here does not say what it is.
    """
    return _Reader(memoryview(data)).table(_followed(data, 0), root)


def write_tree(root: Node, identifier: bytes) -> bytes:
    """The flatbuffer of a tree, with the four bytes of its file identifier."""
    writer = _Writer()
    target = writer.table(root)
    return writer.finished(target, identifier)


def _followed(data: bytes | memoryview, position: int) -> int:
    return position + int(_U32.unpack_from(data, position)[0])


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self._data = data
        # What several tables refer to stays one.
        self._read: dict[tuple[int, str], Value] = {}

    def table(self, position: int, name: str) -> Node:
        vtable = position - _I32.unpack_from(self._data, position)[0]
        length, size = (_U16.unpack_from(self._data, vtable + at)[0] for at in (0, 2))
        fields = list(struct.unpack_from(f"<{length // 2 - 2}H", self._data, vtable + 4))
        node = Node(
            name,
            bytearray(self._data[position : position + size]),
            fields,
            residue=position % _TABLE_ALIGNMENT,
        )
        # Tables that are not listed hold numbers alone.
        kinds = KINDS[name] if name != UNLISTED else ["int"] * len(fields)
        for slot, (kind, at) in enumerate(zip_longest(kinds, fields)):
            if at and kind in (None, "-"):
                raise ValueError(f"field {slot} of a table {name} may be an offset or a number")
            if not at or kind in NUMBERS:
                continue
            if kind in UNIONS:
                tag = fields[slot - 1]
                kind = UNIONS[kind].get(node.inline[tag] if tag else 0, UNLISTED)
            node.refers[slot] = self._value(_followed(self._data, position + at), kind)
        return node

    def _value(self, position: int, kind: str) -> Value:
        key = (position, kind)
        if key not in self._read:
            self._read[key] = self._fresh(position, kind)
        return self._read[key]

    def _fresh(self, position: int, kind: str) -> Value:
        item = kind.strip("[]")
        if item == kind and kind != "string":
            return self.table(position, kind)
        (length,) = _U32.unpack_from(self._data, position)
        start = position + 4
        if kind == "string":
            return bytes(self._data[start : start + length])
        if item in NUMBERS:
            return np.frombuffer(self._data, NUMBERS[item].name, length, start)
        positions = range(start, start + 4 * length, 4)
        found = [self._value(_followed(self._data, at), item) for at in positions]
        return [one for one in found if isinstance(one, Node)]


class _Writer:
    """Writes from the end to the beginning, since offsets point forward.

    A position is counted from the end, where what is written begins.
    """

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._written: dict[int, int] = {}
        self._vtables: dict[bytes, int] = {}

    def table(self, node: Node) -> int:
        known = self._written.get(id(node))
        if known is not None:
            return known
        targets = {slot: self._value(node, value) for slot, value in node.refers.items()}
        inline = bytearray(node.inline)
        position = self._position(len(inline), _TABLE_ALIGNMENT, node.residue)
        for slot, target in targets.items():
            at = node.fields[slot]
            _U32.pack_into(inline, at, position - at - target)
        counts = (4 + 2 * len(node.fields), len(inline))
        vtable = struct.pack(f"<{2 + len(node.fields)}H", *counts, *node.fields)
        shared = self._vtables.get(vtable)
        # A vtable may lie before or behind its table; the first of a kind lies before.
        before = position + len(vtable) + len(vtable) % 4
        _I32.pack_into(inline, 0, (shared or before) - position)
        self._put(bytes(inline))
        if shared is None:
            self._put(vtable + bytes(len(vtable) % 4))
            self._vtables[vtable] = self._size
        self._written[id(node)] = position
        return position

    def _value(self, node: Node, value: Value) -> int:
        if isinstance(value, Node):
            return self.table(value)
        known = self._written.get(id(value))
        if known is None:
            known = self._written[id(value)] = self._vector(node, value)
        return known

    def _vector(self, node: Node, value: "list[Node] | npt.NDArray[Any] | bytes") -> int:
        if isinstance(value, bytes):
            return self._counted(len(value), value + b"\0", 4)
        if isinstance(value, np.ndarray):
            width = _DATA_ALIGNMENT if node.name == "Buffer" else max(4, value.itemsize)
            return self._counted(len(value), value.tobytes(), width)
        targets = [self.table(one) for one in value]
        position = self._position(4 + 4 * len(targets), 4, 0)
        offsets = (position - 4 - 4 * number - target for number, target in enumerate(targets))
        return self._put(struct.pack(f"<I{len(targets)}I", len(targets), *offsets))

    def _counted(self, count: int, data: bytes, alignment: int) -> int:
        """The items behind their count, which ends where they are aligned."""
        self._position(4 + len(data), alignment, -4)
        return self._put(_U32.pack(count) + data)

    def finished(self, root: int, identifier: bytes) -> bytes:
        position = self._position(8, _DATA_ALIGNMENT, 0)
        self._put(_U32.pack(position - root) + identifier)
        return b"".join(reversed(self._chunks))

    def _position(self, size: int, alignment: int, residue: int) -> int:
        """Where `size` bytes will begin, after padding, so that their position has the residue.

        The whole is a multiple of 16 bytes, so that a position is as well counted from the end.
        """
        self._put(bytes((-residue - self._size - size) % alignment))
        return self._size + size

    def _put(self, data: bytes) -> int:
        self._chunks.append(data)
        self._size += len(data)
        return self._size
