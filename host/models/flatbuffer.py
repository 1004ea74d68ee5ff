"""Bounds on what a .tflite file unpacks to, checked before it is unpacked.

A flatbuffer is made of references, and many may lead to the same place: a few kilobytes can claim
a thousand subgraphs of a thousand tensors with names of a megabyte. No converter shares much, so
the sum of what the references lead to is compared with the size of the file.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ai_edge_litert import schema_py_generated as schema

# No table is smaller, together with the reference to it.
_TABLE_BYTES = 8
# How many times the file's size the references may lead to; without any sharing it is once.
_MOST_SHARING = 2


@dataclass(frozen=True)
class Union:
    """A field that refers to a table whose kind the field before it tells."""

    kinds: Mapping[int, Kind]


# A kind of table: those of its fields that may lead to much, by their places in the vtable. A
# string or vector of numbers has the bytes of an element; a vector that is only ever viewed in
# place, as the content of buffers is, need not be here. A kind is a table, [a kind] a vector of
# tables.
Kind: TypeAlias = Mapping[int, "int | Kind | list[Kind] | Union"]

_OPTIONS = Union(
    {
        schema.BuiltinOptions.VarHandleOptions: {4: 1, 6: 1},
        schema.BuiltinOptions.ReshapeOptions: {4: 4},
        schema.BuiltinOptions.SqueezeOptions: {4: 4},
    }
)
_OPTIONS_2 = Union(
    {
        schema.BuiltinOptions2.StablehloCustomCallOptions: {4: 1, 8: 1},
        schema.BuiltinOptions2.StableHLOCompositeOptions: {4: 1},
    }
)
_QUANTIZATION: Kind = {4: 4, 6: 4, 8: 4, 10: 8}
_SPARSITY: Kind = {4: 4, 6: 4, 8: [{}]}
_TENSOR: Kind = {4: 4, 10: 1, 12: _QUANTIZATION, 16: _SPARSITY, 18: 4, 22: [{4: 4}]}
_OPERATOR: Kind = {6: 4, 8: 4, 12: _OPTIONS, 14: 1, 18: 1, 20: 4, 28: _OPTIONS_2}
_SUBGRAPH: Kind = {4: [_TENSOR], 6: 4, 8: 4, 10: [_OPERATOR], 12: 1}
_NAMED: Kind = {4: 1}  # metadata, a signature's tensor, a group of external buffers
_SIGNATURE: Kind = {4: [_NAMED], 6: [_NAMED], 8: 1}
MODEL: Kind = {
    **{6: [{6: 1}], 8: [_SUBGRAPH]},  # operator codes, subgraphs
    **{10: 1, 12: [{}], 14: 4},  # description, buffers
    **{16: [_NAMED], 18: [_SIGNATURE], 20: [_NAMED], 22: [{12: 1}]},  # the last: external buffers
}


def check_extent(content: bytes) -> None:
    """Check that a .tflite file's tables, strings and vectors lie in it and are not too many.

    Raises:
        ValueError: a reference leads out of the file, or all of them to more than it can hold.
    """
    walk = _Walk(content)
    walk.table(MODEL, walk.follow(0))


class _Walk:
    """Follows a file's references, and stops where they lead to more than it can hold."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._left = _MOST_SHARING * len(content)

    def table(self, kind: Kind, at: int) -> None:
        """Walk the table at a position."""
        self._spend(_TABLE_BYTES)
        vtable = at - self._number("<i", at)
        length = self._number("<H", vtable)

        def place(slot: int) -> int:
            offset = self._number("<H", vtable + slot) if slot < length else 0
            return at + offset if offset else 0

        for slot, what in kind.items():
            if not (where := place(slot)):
                continue
            if isinstance(what, int):
                self._items(self.follow(where), what)
            elif isinstance(what, list):
                vector = self.follow(where)
                for item in range(self._items(vector, 4)):
                    self.table(what[0], self.follow(vector + 4 + 4 * item))
            elif not isinstance(what, Union):
                self.table(what, self.follow(where))
            elif tag := place(slot - 2):
                self.table(what.kinds.get(self._number("<B", tag), {}), self.follow(where))

    def follow(self, at: int) -> int:
        """Where the reference at a position leads."""
        return at + self._number("<I", at)

    def _items(self, at: int, nbytes: int) -> int:
        """The length of the vector or string at a position, all of which must be in the file."""
        count = self._number("<I", at)
        if at + 4 + count * nbytes > len(self._content):
            raise ValueError(f"{count} elements at byte {at} reach beyond its end")
        self._spend(count * nbytes)
        return count

    def _number(self, code: str, at: int) -> int:
        if not 0 <= at <= len(self._content) - struct.calcsize(code):
            raise ValueError(f"a reference leads to byte {at}, outside it")
        return int(struct.unpack_from(code, self._content, at)[0])

    def _spend(self, nbytes: int) -> None:
        self._left -= nbytes
        if self._left < 0:
            raise ValueError("its references lead to more than the file can hold")
