"""Connected components on a device, as a forest of cells of 2 × 2 × 2 voxels.

``kernels/components.cu`` builds the forest, ``kernels/components_notes.cu`` stores results at its
roots and looks them up, and ``kernels/components_ranks.cu`` numbers components. Their number
never leaves the device.
"""

from __future__ import annotations

import math

import numpy as np

from voxgpu.backends.cuda.launch import THREADS, Array, Device, blocks_of
from voxgpu.backends.cuda.registry import implements
from voxgpu.frozen import frozen
from voxgpu.image import to_3d
from voxgpu.primitives import components as primitives
from voxgpu.primitives import internal, ranked
from voxgpu.primitives.primitive import UndefinedValueError

#: The library of each step.
FOREST, NOTES, RANKS = "components", "components_notes", "components_ranks"

#: Cells of a tile along z, y and x; as in ``kernels/components.cu``.
TILE = (4, 8, 32)

#: Voxels that are counted together, and bits of a word; as in ``kernels/components_ranks.cu``.
CHUNK, WORD = 4096, 64

#: Threads of the kernels that are one block, and voxels that 32 bits can number.
BLOCK, MOST_VOXELS = 1024, 2**31 - 1

#: Blocks of a multiprocessor where threads take more than one cell.
BLOCKS_EACH = 16


@frozen
class _Image:
    """The mask whose components are computed.

    volume  voxels, (z, y, x)
    """

    volume: tuple[int, ...]

    @classmethod
    def of(cls, mask: Array) -> _Image:
        """Raises UndefinedValueError where there are too many voxels."""
        if mask.size > MOST_VOXELS:
            raise UndefinedValueError(
                f"components of {mask.size} voxels: on a device at most {MOST_VOXELS} can be "
                "numbered; crop the image, or compute this on the CPU"
            )
        return cls(to_3d(mask.shape, 1))

    @property
    def cells(self) -> tuple[int, ...]:
        """The number of cells along z, y and x."""
        return tuple(-(-voxels // 2) for voxels in self.volume)

    @property
    def cell_count(self) -> int:
        """The number of cells."""
        return math.prod(self.cells)

    @property
    def chunks(self) -> int:
        """The number of chunks of voxels in raster order."""
        return -(-math.prod(self.volume) // CHUNK)

    @property
    def tiles(self) -> int:
        """The number of blocks that build the forest."""
        pairs = zip(self.cells, TILE, strict=True)
        return math.prod(-(-cells // tile) for cells, tile in pairs)

    @property
    def numbers(self) -> list[np.int32]:
        """The arguments of kernels that describe it."""
        return [np.int32(voxels) for voxels in self.volume]


@frozen
class _Forest:
    """The components of a mask.

    cells    a byte for each cell: its true voxels
    parents  of filled cells; a root is its own parent until a note replaces it
    """

    image: _Image
    cells: Array
    parents: Array

    @classmethod
    def empty(cls, mask: Array, device: Device) -> _Forest:
        """Returns a forest for a mask's cells, uninitialized."""
        image = _Image.of(mask)
        count = (image.cell_count,)
        return cls(image, device.empty(count, np.uint8), device.empty(count, np.int32))

    def merge(self, device: Device) -> None:
        """Merges the trees of neighboring tiles."""
        arguments = (self.cells, self.parents, *self.image.numbers)
        device.launch(FOREST, "components_merge", self.image.tiles, THREADS, *arguments)

    def each_cell(self, name: str, device: Device, *arguments: Array) -> None:
        """Queues a kernel of ``components_notes`` with one thread per cell."""
        numbers = self.image.numbers
        blocks = blocks_of(self.image.cell_count)
        device.launch(NOTES, name, blocks, THREADS, self.cells, *arguments, *numbers)

    @property
    def count(self) -> np.int64:
        """The number of cells, as an argument of kernels."""
        return np.int64(self.image.cell_count)


@implements(primitives.through, scratch=4, libraries=(FOREST,))
def through(a: Array, b: Array, device: Device) -> Array:
    """The components of ``b`` that contain a voxel of ``a``; see the primitive.

    Shapes (z, y, x) or (y, x).
    """
    forest, seeds = _seeded(a, b, device, everywhere=False)
    blocks = blocks_of(-(-forest.image.cell_count // 8))
    arguments = (seeds, forest.parents, forest.count)
    device.launch(NOTES, "components_notes_seeds", blocks, THREADS, *arguments)
    return _noted(b, forest, device)


@implements(internal.components_touching, scratch=4, libraries=(FOREST,))
def touching(a: Array, b: Array, device: Device) -> Array:
    """The components of ``b`` that contain a voxel of ``a``, or one of the 26 around it.

    In 2-D one of the 8 around it. Shapes (z, y, x) or (y, x).
    """
    forest, seeds = _seeded(a, b, device, everywhere=True)
    forest.each_cell("components_notes_near", device, seeds, forest.parents)
    return _noted(b, forest, device)


@implements(primitives.largest_component, scratch=8, libraries=(FOREST,))
def largest_component(b: Array, device: Device) -> Array:
    """The component of ``b`` with the most voxels; all of them in case of a tie.

    Shapes (z, y, x) or (y, x).
    """
    forest, sizes, largest = _sized(b, device)
    out = device.empty(b.shape, np.bool_)
    arguments = (forest.parents, sizes, largest, out)
    forest.each_cell("components_notes_write_largest", device, *arguments)
    return out


@implements(ranked.component_count, scratch=4, libraries=(FOREST,))
def component_count(b: Array, device: Device) -> Array:
    """The number of components of ``b``: one float64."""
    forest = _joined(b, device)
    count = device.zeros((1,), np.float64)
    blocks = _few_blocks(forest, device)
    arguments = (forest.cells, forest.parents, count, forest.count)
    device.launch(NOTES, "components_notes_count", blocks, THREADS, *arguments)
    return count


@implements(primitives.labels, scratch=5, libraries=(FOREST,))
def labels(b: Array, device: Device) -> Array:
    """The number of each voxel's component, in raster order of first voxels; 0 outside; int32.

    Shapes (z, y, x) or (y, x).
    """
    forest = _joined(b, device)
    firsts, counts = _firsts(forest, device)
    numbers = (np.int64(forest.image.chunks), *forest.image.numbers[1:])
    arguments = (firsts, counts, forest.parents, *numbers)
    blocks = blocks_of(32 * forest.image.chunks)
    device.launch(RANKS, "components_ranks_number", blocks, THREADS, *arguments)
    return _numbered(b, forest, device)


@implements(ranked.ranked_components, scratch=16, libraries=(FOREST,))
def ranked_components(b: Array, device: Device) -> Array:
    """The rank by size of each voxel's component, from 1 for the largest; 0 outside; int32.

    Shapes (z, y, x) or (y, x).
    """
    forest, sizes, largest = _sized(b, device)
    firsts, counts = _firsts(forest, device)
    listed = device.empty((forest.image.cell_count,), np.uint64)
    chunks = np.int64(forest.image.chunks)
    arguments = (firsts, counts, sizes, listed, chunks, *forest.image.numbers[1:])
    blocks = blocks_of(32 * forest.image.chunks)
    device.launch(RANKS, "components_ranks_list", blocks, THREADS, *arguments)
    turns = device.empty((forest.image.cell_count,), np.uint64)
    roots = (listed, turns, counts, largest, forest.parents, chunks)
    device.launch(RANKS, "components_ranks_sort", 1, BLOCK, *roots)
    return _numbered(b, forest, device)


def _joined(b: Array, device: Device) -> _Forest:
    forest = _Forest.empty(b, device)
    arguments = (b, forest.cells, forest.parents, *forest.image.numbers)
    device.launch(FOREST, "components_tiles", forest.image.tiles, THREADS, *arguments)
    forest.merge(device)
    return forest


def _seeded(a: Array, b: Array, device: Device, everywhere: bool) -> tuple[_Forest, Array]:
    """The forest of ``b``, and the cells of ``a``, everywhere or in ``b``."""
    forest = _Forest.empty(b, device)
    seeds = device.empty((forest.image.cell_count,), np.uint8)
    arrays = (b, a, forest.cells, seeds, forest.parents)
    arguments = (*arrays, *forest.image.numbers, np.int32(everywhere))
    device.launch(FOREST, "components_tiles_seeded", forest.image.tiles, THREADS, *arguments)
    forest.merge(device)
    return forest, seeds


def _sized(b: Array, device: Device) -> tuple[_Forest, Array, Array]:
    """The forest of ``b``, the voxel count of each cell (valid at roots), and the largest one."""
    forest = _Forest.empty(b, device)
    sizes = device.empty((forest.image.cell_count,), np.int32)
    arguments = (b, forest.cells, forest.parents, sizes, *forest.image.numbers)
    device.launch(FOREST, "components_tiles_sized", forest.image.tiles, THREADS, *arguments)
    forest.merge(device)
    largest = device.zeros((1,), np.int32)
    blocks = _few_blocks(forest, device)
    added = (forest.parents, sizes, largest, forest.count)
    device.launch(NOTES, "components_notes_sizes", blocks, THREADS, *added)
    return forest, sizes, largest


def _firsts(forest: _Forest, device: Device) -> tuple[Array, Array]:
    """A bit for each component's first voxel, and the number of these before each chunk."""
    chunks = forest.image.chunks
    firsts = device.zeros((chunks * CHUNK // WORD,), np.uint64)
    counts = device.zeros((chunks + 1,), np.int32)
    blocks = blocks_of(forest.image.cell_count)
    arguments = (forest.cells, forest.parents, firsts, counts, *forest.image.numbers)
    device.launch(FOREST, "components_firsts", blocks, THREADS, *arguments)
    device.launch(RANKS, "components_ranks_add", 1, BLOCK, counts, np.int64(chunks + 1))
    return firsts, counts


def _noted(b: Array, forest: _Forest, device: Device) -> Array:
    out = device.empty(b.shape, np.bool_)
    forest.each_cell("components_notes_write", device, forest.parents, out)
    return out


def _numbered(b: Array, forest: _Forest, device: Device) -> Array:
    out = device.empty(b.shape, np.int32)
    forest.each_cell("components_notes_write_numbers", device, forest.parents, out)
    return out


def _few_blocks(forest: _Forest, device: Device) -> int:
    return blocks_of(forest.image.cell_count, limit=BLOCKS_EACH * device.multiprocessors)
