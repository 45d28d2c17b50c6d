"""``crossCorrelation`` on the CPU, see ``kernels/local_histogram.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cpu.registry import implements
from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.codegen.integers import SHORT
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.float32 import as_float32
from voxgpu.image import Grid, to_3d
from voxgpu.primitives import texture
from voxgpu.primitives.primitive import UndefinedValueError

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

#: Counts of so many bytes stay in a core's cache.
CACHE_BYTES = 3 << 19

#: Bins have codes of 16 bits, one of which stands for none.
MOST_BINS = 65_535

#: Squares of counts and box sums are exact integers in 32 and 64 bits up to these boxes.
LARGEST_BOX_UINT16 = 65_535
LARGEST_BOX = 1 << 31


@implements(texture.cross_correlation, scratch=4)
def cross_correlation(
    r: float,
    a: Array,
    b: Array,
    fb: Mask,
    low: float,
    high: float,
    count: float,
    grid: Grid,
    pool: ThreadPool,
) -> Array:
    """The primitive ``crossCorrelation``; images may be of any element."""
    problem = texture.histogram_problem(r, None, None, None, low, high, count)
    if problem:
        raise UndefinedValueError(problem)
    volume, spacing = to_3d(a.shape, 1), to_3d(grid.spacing, 1.0)
    halves = texture.half_widths(r, spacing, volume)
    box = int(np.prod([min(2 * h + 1, n) for h, n in zip(halves, volume, strict=True)]))
    bins = int(count)
    if bins > MOST_BINS or box >= LARGEST_BOX:
        plain = (a.astype(np.float32), b.astype(np.float32))
        return texture.cross_correlation.function(r, *plain, fb, low, high, count, grid)  # type: ignore[no-any-return]
    codes = _codes(a, low, high, bins, pool)
    wanted = _histogram(codes if b is a else _codes(b, low, high, bins, pool), fb, bins, pool)
    out = pool.empty(volume, np.float32)
    tiles = _Tiles(volume, halves, bins, box <= LARGEST_BOX_UINT16, codes, wanted, out)
    pool.map(tiles.compute, tiles.list(pool.count))
    return out.reshape(a.shape)


def _codes(values: Array, low: float, high: float, bins: int, pool: ThreadPool) -> Array:
    """The bin of each voxel, flat; ``bins`` if it falls into none."""
    flat = values.reshape(-1)
    codes = pool.empty(flat.shape, np.uint16)
    width = (high - low) / bins or texture.LEAST_WIDTH
    bits = 8 * flat.dtype.itemsize
    is_small = flat.dtype.name in SHORT
    table = np.empty(0, np.uint16)
    if is_small:
        every = np.arange(1 << bits).astype(f"uint{bits}").view(flat.dtype)
        found = texture.bins_of(every.astype(np.float32), low, high, bins)
        table = np.where(found < 0, bins, found).astype(np.uint16)

    def part(bounds: tuple[int, int]) -> None:
        source, target = np.ascontiguousarray(flat[slice(*bounds)]), codes[slice(*bounds)]
        if is_small:
            look_up = kernel("local_histogram", f"look_up_uint{bits}")
            look_up(len(source), source.view(f"uint{bits}"), table, target)
        else:
            numbers = as_float32(source)
            kernel("local_histogram", "bin_float32")(
                len(numbers), numbers, low, high, width, bins, target
            )

    pool.map(part, slabs(len(flat), 1))
    return codes


def _histogram(codes: Array, mask: Array, bins: int, pool: ThreadPool) -> list[int]:
    """Counts the voxels of the mask in each bin."""
    count, flat = kernel("local_histogram", "count_codes"), mask.reshape(-1)

    def part(bounds: tuple[int, int]) -> Array:
        counts = np.zeros(bins + 1, np.int64)
        start, stop = bounds
        count(stop - start, codes[start:stop], flat[start:stop], counts)
        return counts

    total = sum(pool.map(part, slabs(len(codes), 1)), np.zeros(bins + 1, np.int64))
    return [int(each) for each in total[:bins]]


class _Tiles:
    """Tiles of rows, each over some planes."""

    def __init__(
        self,
        volume: tuple[int, ...],
        halves: tuple[int, ...],
        bins: int,
        is_small: bool,
        codes: Array,
        reference: list[int],
        out: Array,
    ) -> None:
        self._volume = volume
        self._halves = halves
        self._bins = bins
        self._count = np.uint16 if is_small else np.uint32
        self._square = np.uint32 if is_small else np.int64
        self._kernel = kernel("local_histogram", f"correlate_tile_{np.dtype(self._count)}")
        self._codes = codes
        self._out = out.reshape(-1)
        total = sum(reference)
        self._sum = float(total)
        self._spread = float(bins * sum(each * each for each in reference) - total * total)
        self._ones = np.array([1] * bins + [0], np.int64)
        self._weights = np.array([*reference, 0], np.int64)

    def list(self, threads: int) -> list[tuple[int, int, int, int]]:
        """The tiles, as ranges of planes and of rows."""
        depth, height, width = self._volume
        row = self._bins * width * np.dtype(self._count).itemsize
        around = 2 * self._halves[1]
        rows = max(8, around, CACHE_BYTES // max(1, row) - around)
        parts = -(-height // min(height, rows))
        rows = -(-height // parts)
        planes = depth
        if parts < 4 * threads:
            planes = max(4 * self._halves[0], -(-depth * parts // (4 * threads)), 1)
        return [
            (z, min(depth, z + planes), y, min(height, y + rows))
            for z in range(0, depth, planes)
            for y in range(0, height, rows)
        ]

    def compute(self, tile: tuple[int, int, int, int]) -> None:
        """Computes one tile."""
        depth, height, width = self._volume
        _, _, y_first, y_last = tile
        _, half_y, half_x = self._halves
        rows = min(height, y_last + half_y) - max(0, y_first - half_y)
        size = width + 2 * half_x + 1
        voxels = (y_last - y_first) * width
        self._kernel(
            *tile, depth, height, width, *self._halves, self._bins, self._codes, self._ones,
            self._weights, self._sum, self._spread,
            np.empty(self._bins * rows * width, self._count),
            np.empty(self._bins * rows, np.int32),
            *(np.empty(size, self._count) for _ in range(4)),
            np.empty(voxels, self._square),
            *(np.empty(rows * width, np.int64) for _ in range(2)),
            np.empty(size, np.int64),
            *(np.empty(voxels, np.int64) for _ in range(2)),
            self._out,
        )  # fmt: skip
