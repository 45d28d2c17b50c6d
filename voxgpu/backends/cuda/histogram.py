"""Histograms of values of 8 or 16 bits on a device, and look-up of each voxel in a table.

See ``kernels/percentiles.cu``. Other elements are taken as float32, as in the references.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from voxgpu.backends.cuda.launch import THREADS, Array, Device, blocks_of
from voxgpu.codegen.integers import SHORT
from voxgpu.float32 import as_float32

#: Elements that are rounded to float32, in the order of the kernel.
ELEMENTS = ("int32", "uint32", "int64", "uint64", "float64")

#: The file of kernels.
LIBRARY = "percentiles"

#: Threads of a block that counts, voxels that it has at least, and blocks of a multiprocessor.
COUNTING_THREADS, FEWEST_VOXELS, BLOCKS_EACH = 512, 16_384, 4

#: A block counts in words with 28 bits for the count; by far fewer voxels than these overflow none.
MOST_VOXELS = 1 << 27

#: What kernels count in shared memory: fewer things than this, in so many words, so many of them
#: for each at most, as lanes that add to the same word wait for each other.
MOST_COUNTED, COUNTERS, MOST_COPIES = 4096, 8192, 32

#: Images of truth values that a kernel writes at once.
IMAGES = 8

#: How kernels are told of an operator: bit 0 for less, bit 1 for equal, bit 2 for greater.
OPERATIONS = {
    "less": 1,
    "less_equal": 3,
    "greater": 4,
    "greater_equal": 6,
    "equal": 2,
    "not_equal": 5,
}


def is_small(v: Array) -> bool:
    """Whether an image's element has few enough values to count each."""
    return v.dtype.name in ("bool", *SHORT)


def as_numbers(v: Array, device: Device) -> Array:
    """The image rounded to float32, or unchanged if it is float32."""
    if v.dtype == np.float32:
        return v
    out = device.empty(tuple(v.shape), np.float32)
    element = ELEMENTS.index(np.dtype(v.dtype).name)
    device.launch(
        LIBRARY, "percentiles_numbers", blocks_of(v.size, 4 * THREADS), THREADS,
        v.reshape(-1).view(np.uint8), np.int32(element), np.int64(v.size), out,
    )  # fmt: skip
    return out


class SmallValues:
    """An image of 8 or 16 bits, whose values are numbered in their order.

    count  how many different values there can be
    first  the least of them
    """

    def __init__(self, v: Array) -> None:
        self._shape = tuple(v.shape)
        self._bits = 8 * v.dtype.itemsize
        self._values = v.reshape(-1).view(f"uint{self._bits}")
        self.count = 1 << self._bits
        self.first = -(self.count // 2) if v.dtype.kind == "i" else 0
        self._flip = np.uint32(-self.first)

    def counts(self, mask: Array | None, device: Device) -> Array:
        """Counts each value, in the mask if there is one: uint64."""
        n = self._values.size
        found = device.zeros((self.count,), np.uint64)
        most = max(BLOCKS_EACH * device.multiprocessors, n // MOST_VOXELS)
        chosen = self._values.view(np.uint8) if mask is None else mask
        device.launch(
            LIBRARY, f"percentiles_histogram_{self._bits}", blocks_of(n, FEWEST_VOXELS, most),
            COUNTING_THREADS, self._values, self._flip, chosen,
            np.int32(mask is not None), np.int64(n), found,
        )  # fmt: skip
        return found

    def looked_up(self, mask: Array, table: Array, outside: float, device: Device) -> Array:
        """Looks up the voxels of the mask in a float32 table; others become ``outside``."""
        out, n = device.empty(self._shape, np.float32), self._values.size
        device.launch(
            LIBRARY, f"percentiles_look_up_{self._bits}", blocks_of(n, 4 * THREADS), THREADS,
            self._values, self._flip, mask, np.int64(n), table, np.float32(outside), out,
        )  # fmt: skip
        return out

    def decided(
        self, mask: Array, table: Array, outside: Sequence[bool], device: Device
    ) -> list[Array]:
        """An image for each of at most 8 bits that a uint8 table has for the voxels of the mask.

        outside  what other voxels get in each image
        """
        outs, n = [device.empty(self._shape, np.bool_) for _ in outside], self._values.size
        bits = sum(1 << place for place, each in enumerate(outside) if each)
        device.launch(
            LIBRARY, f"percentiles_decide_{self._bits}", blocks_of(n, IMAGES * THREADS), THREADS,
            self._values, self._flip, mask, np.int64(n), table, np.uint32(bits),
            *targets(outs),
        )  # fmt: skip
        return outs


def targets(images: list[Array]) -> list[Array]:
    """The arguments of a kernel that stand for up to 8 images, of which it has a fixed number."""
    return [np.int32(len(images)), *images, *[images[0]] * (IMAGES - len(images))]


def operations(comparisons: Sequence[tuple[str, float]], device: Device) -> tuple[Array, Array]:
    """Encodes operators, and numbers rounded to float32, for kernels."""
    numbers = as_float32([number for _, number in comparisons])
    operators = np.array([OPERATIONS[operator] for operator, _ in comparisons], np.int32)
    return device.constant(operators), device.constant(numbers)


def copies_of(amount: int) -> int:
    """Copies of each counter that fit in shared memory, a power of two; 0: none fits."""
    if amount >= MOST_COUNTED:
        return 0
    return min(MOST_COPIES, 1 << (COUNTERS // amount).bit_length() - 1)
