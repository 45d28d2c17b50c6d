"""Exact Euclidean distances on a device, one axis after the other.

``kernels/distance_pack.cu`` packs along z what distances are measured to,
``kernels/distance.cu`` finds what is nearest along z and y, then along x.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cuda import dilation, small_kernels
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.launch import THREADS, Array, Device, blocks_of
from voxgpu.backends.cuda.registry import implements
from voxgpu.frozen import frozen
from voxgpu.image import Grid
from voxgpu.primitives import distance as meaning
from voxgpu.primitives import internal
from voxgpu.primitives.primitive import UndefinedValueError

#: The library that packs voxels to bits along z.
PACK = "distance_pack"

#: The library that finds what is nearest along an axis.
SEARCH = "distance"

#: Voxels along z in a packed word, one bit each.
WORD = 32

#: Columns along (y, x) that one block packs to a contour.
TILE = (8, 32)

#: Lines that a block searches, if they fit into shared memory.
MOST_LINES = 16

#: Bytes of shared memory for each voxel of a line.
LINE_BYTES = 6

#: Bytes of shared memory of a block.
SHARED_BYTES = 48_000

#: Voxels of the longest line that fits into shared memory.
LONGEST = SHARED_BYTES // LINE_BYTES

#: Voxels of the longest axis whose steps fit 16 bits.
MOST_VOXELS = 65_535

#: Least ratio of the square of a step to that of the image's diagonal at which sums in float64,
#: which round off 2⁻⁵², order voxels as true sums do.
PRECISE = 2.0**-44


@frozen
class _Space:
    """Voxels, and mm between them, along (z, y, x)."""

    volume: tuple[int, ...]
    spacing: tuple[float, ...]

    @classmethod
    def of(cls, b: Array, grid: Grid) -> _Space:
        """Raises UndefinedValueError where an axis is too long."""
        if max(b.shape) > MOST_VOXELS:
            raise UndefinedValueError(
                f"distances in an image of {max(b.shape)} voxels along an axis: on a device at "
                f"most {MOST_VOXELS} can be told apart; crop the image, or compute this on the CPU"
            )
        more = 3 - b.ndim
        return cls((1,) * more + tuple(b.shape), (1.0,) * more + tuple(grid.spacing))

    @property
    def whole(self) -> bool:
        """Whether all sums of squares are integers, of at most 30 bits."""
        pairs = zip(self.volume, self.spacing, strict=True)
        steps_of_1 = all(step == 1.0 or voxels == 1 for voxels, step in pairs)
        return steps_of_1 and max(self.volume) <= LONGEST

    @property
    def bounded(self) -> bool:
        """Whether rounded sums order voxels of a line as true ones do, see the kernel."""
        pairs = zip(self.volume, self.spacing, strict=True)
        diagonal = sum((voxels * step) * (voxels * step) for voxels, step in pairs)
        least = min(step * step for step in self.spacing[1:])
        return math.isfinite(diagonal) and least >= max(diagonal * PRECISE, 1e-290)

    @property
    def numbers(self) -> tuple[np.int32, ...]:
        """The arguments of kernels that describe it."""
        return tuple(np.int32(voxels) for voxels in self.volume)

    def squares(self) -> npt.NDArray[np.float64]:
        """The squares of 0, 1, 2, … steps, one axis after the other."""
        pairs = zip(self.volume, self.spacing, strict=True)
        return np.concatenate([np.square(np.arange(voxels) * step) for voxels, step in pairs])

    def ratio(self, axis: int, other: int) -> np.float32:
        """Of the squares of steps; of no matter where these are not bounded."""
        ratio = (self.spacing[axis] / self.spacing[other]) ** 2 if self.bounded else 0.0
        return np.float32(ratio)


@implements(meaning.signed_distance, scratch=10, libraries=(SEARCH,))
def signed_distance(b: Array, grid: Grid, device: Device) -> Array:
    """The primitive ``dt``: to the region outside, minus that to its contour inside; float32, mm.

    Shapes (z, y, x) or (y, x).
    """
    space = _Space.of(b, grid)
    depth, height, width = space.volume
    tiles = -(-height // TILE[0]) * -(-width // TILE[1]) * -(-depth // WORD)
    words = _words(space, device)
    device.launch(PACK, "distance_pack_contour", tiles, THREADS, b, words, *space.numbers)
    return _distances(words, b, True, space, device)


@implements(meaning.distance, scratch=10, libraries=(SEARCH,))
def distance(b: Array, grid: Grid, device: Device) -> Array:
    """The primitive ``pdt``: the distance to the region, 0 inside; float32, mm.

    Shapes (z, y, x) or (y, x).
    """
    space = _Space.of(b, grid)
    words = _words(space, device)
    blocks = blocks_of(words.size)
    device.launch(PACK, "distance_pack_voxels", blocks, THREADS, b, words, *space.numbers)
    return _distances(words, b, False, space, device)


@implements(internal.distance_compare, scratch=10, libraries=("dilation",))
def distance_compare(
    b: Array,
    r: float,
    kind: str,
    operator: str,
    region_or_complement: str,
    grid: Grid,
    device: CudaDevice,
) -> Array:
    """The primitive ``distance_compare``: dilation by a ball, or exact distances."""
    is_complement = region_or_complement == "complement"
    result = dilation.distance_compare(b, r, kind, operator, grid, device, is_complement)
    if result is not None:
        return result
    if is_complement:
        b = small_kernels.negated(b, grid, device)
    exact = signed_distance if kind == "dt" else distance
    return small_kernels.compared(exact(b, grid, device), operator, r, grid, device)


def _words(space: _Space, device: Device) -> Array:
    depth, height, width = space.volume
    return device.empty((-(-depth // WORD) * height * width,), np.uint32)


def _distances(words: Array, b: Array, negative: bool, space: _Space, device: Device) -> Array:
    """Returns the distances to the packed voxels, negated where ``b`` is true if ``negative``."""
    out = device.empty(b.shape, np.float32)
    sums = device.empty((b.size,), np.int32 if space.whole else np.uint32)
    depth, height, width = space.volume
    target = (sums, b, out, np.int32(negative))
    if space.whole:
        _search("columns", (words, sums), height, (depth, width), (), space, device)
        _search("rows", target, width, (1, depth * height), (), space, device)
        return out
    squares, bounded = device.constant(space.squares()), np.int32(space.bounded)
    exact: tuple[Any, ...] = (squares, space.ratio(0, 1), bounded)
    _search("columns", (words, sums), height, (depth, width), exact, space, device)
    exact = (squares, space.ratio(0, 2), space.ratio(1, 2), bounded)
    _search("rows", target, width, (1, depth * height), exact, space, device)
    return out


def _search(
    lines: str,
    arrays: tuple[Any, ...],
    length: int,
    counts: tuple[int, int],
    exact: tuple[Any, ...],
    space: _Space,
    device: Device,
) -> None:
    """Searches lines of equal length, given the number of planes and of lines in each.

    exact  what kernels are told for sums that are not whole numbers
    """
    tall = length > LONGEST
    count = MOST_LINES
    while not tall and _bytes(count, length) > SHARED_BYTES:
        count //= 2
    blocks, size = counts[0] * -(-counts[1] // count), _bytes(count, length)
    arguments = (*arrays, *space.numbers, np.int32(count), *exact)
    if tall:
        scratch = device.empty((blocks * size,), np.uint8)
        device.launch(SEARCH, f"distance_{lines}_tall", blocks, THREADS, *arguments, scratch)
    else:
        name = f"distance_{lines}_exact" if exact else f"distance_{lines}"
        device.launch(SEARCH, name, blocks, THREADS, *arguments, shared=size)


def _bytes(count: int, length: int) -> int:
    """Of the lines of a block; an odd number of them lies side by side."""
    return -(-length * (count | 1) * LINE_BYTES // 16) * 16
