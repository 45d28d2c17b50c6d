"""``crossCorrelation`` on a device: bins of voxels, then tiles of columns, or rows.

``kernels/local_histogram_bins.cu`` finds the bin of each voxel and the wanted histogram,
``kernels/local_histogram.cu`` does the rest by tiles. Many bins and wide boxes are left to
``kernels/local_histogram_rows.cu``.
"""

from __future__ import annotations

import math

import numpy as np

from voxgpu.backends.cuda import small_kernels
from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.launch import THREADS, Array, Device, blocks_of
from voxgpu.backends.cuda.registry import CheckedImage, implements
from voxgpu.frozen import frozen
from voxgpu.image import Grid
from voxgpu.primitives import texture
from voxgpu.primitives.primitive import UndefinedValueError

#: Codes of 16 bits have one that stands for no bin.
MOST_BINS = 65_535

#: Tiles have codes of 8 bits and counts of 16.
MOST_BINS_OF_TILES, LARGEST_BOX_OF_TILES = 255, 65_535

#: Changes of counts have 8 bits where no plane of a box has more columns.
LARGEST_FACE_OF_8_BITS = 127

#: Columns of a tile along x and along y.
TILE = 32

#: A tile has this many planes at least, as far as there are; so many planes around cost as much.
FEWEST_PLANES = 16

#: Blocks of a multiprocessor where work can be cut into more pieces.
BLOCKS_EACH = 4

#: Bytes of shared memory that a block can have beside what the kernel declares.
SHARED_BYTES = 45_000

#: Up to so many bins the blocks of ``correlation_bins`` keep tables in shared memory.
MOST_BINS_BY_BOUNDS = 4095

#: Warps of a block that works on rows; voxels of a part of a row at least; bytes of all histograms.
WARPS, SHORTEST_PART, HISTOGRAM_BYTES = 4, 64, 1 << 28


@frozen
class _Boxes:
    """Boxes around the voxels of a volume.

    volume  voxels, (z, y, x)
    halves  voxels on either side of the middle, fewer than the volume has
    """

    volume: tuple[int, ...]
    halves: tuple[int, ...]
    bins: int

    @property
    def sides(self) -> tuple[int, ...]:
        """Voxels of the largest box."""
        return tuple(min(2 * h + 1, n) for h, n in zip(self.halves, self.volume, strict=True))

    @property
    def tile_bytes(self) -> int:
        """Shared memory of a tile: two words a column in and around it."""
        rows, columns = (TILE + 2 * half for half in self.halves[1:])
        return 8 * rows * (columns + 1 + TILE + 1)

    @property
    def fit_tiles(self) -> bool:
        """Whether the tile kernels can compute it."""
        few = self.bins <= MOST_BINS_OF_TILES and math.prod(self.sides) <= LARGEST_BOX_OF_TILES
        return few and self.tile_bytes <= SHARED_BYTES

    @property
    def numbers(self) -> list[np.int32]:
        """The arguments of kernels that describe it."""
        return [np.int32(each) for each in (*self.volume, *self.halves)]


@implements(
    texture.cross_correlation, scratch=4, libraries=("local_histogram",), device_numbers=True
)
def checked_cross_correlation(
    r: float | Array,
    a: Array,
    b: Array,
    fb: Array,
    low: float | Array,
    high: float | Array,
    bins: float | Array,
    grid: Grid,
    device: CudaDevice,
) -> Array | CheckedImage:
    """The primitive ``crossCorrelation``; any number may be a float64 array of shape (1,).

    Raises UndefinedValueError where the numbers that are on the host make no histogram.
    """
    r, bins = (small_kernels.to_host(each, device) for each in (r, bins))
    known = [each if isinstance(each, float) else None for each in (low, high)]
    message = texture.histogram_problem(r, None, None, None, *known, bins)
    if message:
        raise UndefinedValueError(message)
    if bins > MOST_BINS:
        return _correlated_on_host(r, (a, b, fb), (low, high), bins, grid, device)
    array = cross_correlation(r, a, b, fb, low, high, int(bins), grid, device)
    if None not in known:
        return array
    bounds = small_kernels.stack_scalars((low, high), device)
    return CheckedImage(array, bounds, lambda found: _bounds_problem(*map(float, found)))


def _correlated_on_host(
    r: float,
    images: tuple[Array, Array, Array],
    bounds: tuple[float | Array, float | Array],
    bins: float,
    grid: Grid,
    device: CudaDevice,
) -> Array:
    """Computes the reference on the host, which accepts any number of bins."""
    low, high = (small_kernels.to_host(each, device) for each in bounds)
    message = texture.histogram_problem(r, None, None, None, low, high, bins)
    if message:
        raise UndefinedValueError(message)
    a, b, fb = (device.download(each, device.record_event()) for each in images)
    plain = (a.astype(np.float32), b.astype(np.float32), fb)
    found = texture.cross_correlation.function(r, *plain, low, high, bins, grid)
    array, event = device.upload(found)
    device.wait_for(event)
    return array


def _bounds_problem(low: float, high: float) -> UndefinedValueError | None:
    message = texture.histogram_problem(None, None, None, None, low, high, None)
    return UndefinedValueError(message) if message else None


def cross_correlation(
    r: float,
    a: Array,
    b: Array,
    fb: Array,
    low: float | Array,
    high: float | Array,
    bins: int,
    grid: Grid,
    device: Device,
) -> Array:
    """The primitive ``crossCorrelation``: float32, of the shape of ``a``.

    r          mm, at least 0
    a, b, fb   shape (z, y, x) or (y, x); ``a`` and ``b`` of any element, ``fb`` bool
    low, high  numbers, or float64 arrays of shape (1,) on the device; unless low < high are
               finite, the result means nothing
    bins       1 to MOST_BINS
    """
    if not 1 <= bins <= MOST_BINS:
        raise ValueError(f"crossCorrelation has 1 to {MOST_BINS} bins on a device, not {bins}")
    missing = 3 - a.ndim
    volume = (1,) * missing + tuple(a.shape)
    halves = texture.half_widths(r, (1.0,) * missing + grid.spacing, volume)
    nearby = tuple(min(half, size - 1) for half, size in zip(halves, volume, strict=True))
    boxes = _Boxes(volume, nearby, bins)
    code = np.dtype(np.uint8 if boxes.fit_tiles else np.uint16)
    codes = device.empty(volume, code)
    wanted = device.zeros((bins + 1,), np.uint64)
    moments = device.empty((2,), np.float64)
    bounds = [_on_device(each, device) for each in (low, high)]
    target = (codes.reshape(-1).view(np.uint8), fb, wanted, moments)
    _find_bins(a, bounds, bins, code.itemsize, b is a, target, device)
    if b is not a:
        _find_bins(b, bounds, bins, 0, True, target, device)
    out = device.empty(volume, np.float32)
    correlate = _correlate_tiles if boxes.fit_tiles else _correlate_rows
    correlate(boxes, codes, wanted, moments, out, device)
    return out.reshape(a.shape)


def _on_device(number: float | Array, device: Device) -> Array:
    if isinstance(number, int | float | np.number):
        return device.constant(np.array([number], np.float64))
    return number


def _find_bins(
    image: Array,
    bounds: list[Array],
    bins: int,
    code_bytes: int,
    counts: bool,
    target: tuple[Array, ...],
    device: Device,
) -> None:
    """Finds the bins of voxels, or how often each is in the mask, or both.

    target  codes as bytes, the mask, counts and one word of zeros, and Σw and k·Σww − (Σw)²
    """
    codes, mask, wanted, moments = target
    name = np.dtype(image.dtype).name
    source = image.reshape(-1).view(np.uint8) if name == "bool" else image
    blocks = blocks_of(-(-image.size // 4), limit=2 * BLOCKS_EACH * device.multiprocessors)
    shared = 4 * (2 * bins + 1) if bins <= MOST_BINS_BY_BOUNDS else 4
    device.launch(
        "local_histogram_bins",
        f"local_histogram_bins_{'uint8' if name == 'bool' else name}",
        blocks,
        THREADS,
        source,
        np.int64(image.size),
        *bounds,
        np.int32(bins),
        np.int32(code_bytes),
        codes,
        np.int32(counts),
        mask,
        wanted,
        moments,
        shared=shared,
    )


def _correlate_tiles(
    boxes: _Boxes, codes: Array, reference: Array, moments: Array, out: Array, device: Device
) -> None:
    depth, height, width = boxes.volume
    across, along = -(-width // TILE), -(-height // TILE)
    parts = -(-BLOCKS_EACH * device.multiprocessors // (across * along))
    planes = -(-depth // max(1, min(parts, depth // FEWEST_PLANES)))
    is_narrow = boxes.sides[1] * boxes.sides[2] <= LARGEST_FACE_OF_8_BITS
    device.launch(
        "local_histogram",
        f"local_histogram_tiles_{'narrow' if is_narrow else 'wide'}",
        (across, along, -(-depth // planes)),
        THREADS,
        codes,
        *boxes.numbers,
        np.int32(planes),
        np.int32(boxes.bins),
        reference,
        moments,
        out,
        shared=boxes.tile_bytes,
    )


def _correlate_rows(
    boxes: _Boxes, codes: Array, reference: Array, moments: Array, out: Array, device: Device
) -> None:
    depth, height, width = boxes.volume
    length = max(SHORTEST_PART, 4 * boxes.sides[2])
    parts = depth * height * -(-width // length)
    blocks = blocks_of(parts, WARPS, 2 * BLOCKS_EACH * device.multiprocessors)
    block_bytes = 4 * WARPS * boxes.bins
    arguments = (
        codes,
        *boxes.numbers,
        np.int32(length),
        np.int32(boxes.bins),
        reference,
        moments,
        out,
    )
    name, shared = "local_histogram_rows_shared", block_bytes
    if block_bytes > SHARED_BYTES:
        blocks = min(blocks, max(1, HISTOGRAM_BYTES // block_bytes))
        counts = device.zeros((blocks * WARPS * boxes.bins,), np.uint32)
        name, shared, arguments = "local_histogram_rows_global", 0, (*arguments, counts)
    device.launch("local_histogram_rows", name, blocks, 32 * WARPS, *arguments, shared=shared)
