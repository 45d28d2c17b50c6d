"""The bytes of a file as one sequence, read a block at a time.

Files are not memory-mapped: if another process truncates a mapped file, reading from the mapping
kills this process.
"""

from __future__ import annotations

import os
import struct
from collections import OrderedDict
from typing import Any, BinaryIO

_BLOCK_BYTES = 1 << 16

#: The number of blocks held.
_MOST = 32


class FileBytes:
    """The bytes of an open file; bytes that disappear meanwhile read as a premature end.

    file  opened for reading; its position is moved
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def __len__(self) -> int:
        return self._size

    def byte(self, at: int) -> int:
        """Return one byte. Raises struct.error beyond the end."""
        return int(self.unpack("B", at)[0])

    def part(self, start: int, stop: int) -> bytes:
        """Return the bytes of a range; fewer if the file ends before."""
        parts = []
        at = start
        while at < min(stop, self._size):
            block, skipped = divmod(at, _BLOCK_BYTES)
            part = self._block(block)[skipped : skipped + stop - at]
            if not part:
                break
            parts.append(part)
            at += len(part)
        return b"".join(parts)

    def unpack(self, form: str, at: int) -> tuple[Any, ...]:
        """Unpack numbers as ``struct.unpack_from`` does. Raises struct.error beyond the end."""
        return struct.unpack(form, self.part(at, at + struct.calcsize(form)))

    def find(self, pattern: bytes, start: int) -> int:
        """Find the first position of some bytes from ``start`` on; −1 if they do not occur."""
        at, rest = start, b""
        while True:
            part = self.part(at, at + _BLOCK_BYTES)
            position = (rest + part).find(pattern)
            if position >= 0:
                return at - len(rest) + position
            if not part:
                return -1
            at += len(part)
            rest = (rest + part)[max(0, len(rest) + len(part) - len(pattern) + 1) :]

    def _block(self, number: int) -> bytes:
        if number in self._blocks:
            self._blocks.move_to_end(number)
            return self._blocks[number]
        self._file.seek(number * _BLOCK_BYTES)
        block = self._file.read(_BLOCK_BYTES)
        self._blocks[number] = block
        if len(self._blocks) > _MOST:
            self._blocks.popitem(last=False)
        return block
