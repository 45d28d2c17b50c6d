"""Connected components on the CPU by runs of voxels; see ``kernels/components.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cpu import dilation
from voxgpu.backends.cpu.registry import implements
from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.frozen import frozen
from voxgpu.primitives import components as primitives
from voxgpu.primitives import internal, ranked
from voxgpu.primitives.primitive import UndefinedValueError

Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]


#: Bytes per voxel of the runs of a mask, 12 each, where one voxel in 4 begins a run: as in random
#: voxels. In regions of a head it is one in 50.
OF_RUNS = 3

#: Runs and components are numbered in 32 bits.
MOST_RUNS = 2**31 - 1


@frozen
class Runs:
    """The runs of a mask along x, merged into components.

    starts, stops  of each run in its row
    firsts         the first run of each row, and the number of runs at the end
    parents        the root of each run: the first run of its component in raster order
    count          of components
    """

    shape: tuple[int, ...]
    starts: Array
    stops: Array
    firsts: Array
    parents: Array
    count: int

    @property
    def rows(self) -> int:
        """The number of rows of the mask."""
        return len(self.firsts) - 1


def joined_runs(mask: Mask, pool: ThreadPool) -> Runs:
    """The runs of a mask, (z, y, x) or (y, x), and to which component each belongs."""
    width = mask.shape[-1]
    rows = mask.size // width if width else 0
    depth = mask.shape[0] if mask.ndim == 3 else 1
    height = rows // depth if depth else 0
    count_runs = kernel("components", "count_runs")
    flat = mask.reshape(rows, width)
    parts = slabs(rows, width)
    counts = pool.map(lambda part: count_runs(part[1] - part[0], width, flat[slice(*part)]), parts)
    runs = int(sum(counts))
    if runs > MOST_RUNS:
        raise UndefinedValueError(f"a region of {runs} runs of voxels along x: at most {MOST_RUNS}")
    starts, stops, parents = (np.empty(runs, np.int32) for _ in range(3))
    firsts = np.zeros(rows + 1, np.int64)
    bounds = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
    find = kernel("components", "find_runs")

    def find_part(index: int) -> None:
        first, last = parts[index]
        begin, end = int(bounds[index]), int(bounds[index + 1])
        voxels = np.ascontiguousarray(flat[first:last])
        words = voxels.reshape(-1).view(np.int64) if width % 8 == 0 else np.empty(0, np.int64)
        inner = np.empty(last - first + 1, np.int64)
        find(last - first, width, voxels, words, starts[begin:end], stops[begin:end], inner)
        firsts[first:last] = inner[:-1] + begin

    pool.map(find_part, range(len(parts)))
    firsts[rows] = runs
    count = kernel("components", "join_runs")(depth, height, starts, stops, firsts, parents)
    return Runs(mask.shape, starts, stops, firsts, parents, int(count))


@implements(primitives.through, scratch=OF_RUNS)
def through(a: Mask, b: Mask, pool: ThreadPool) -> Mask:
    """The components of ``b`` that contain a voxel of ``a``; see the primitive."""
    runs = joined_runs(b, pool)
    marks = np.zeros(len(runs.parents), np.uint8)
    kernel("components", "mark_seeded")(
        runs.rows, b.shape[-1], a, runs.starts, runs.stops, runs.firsts, runs.parents, marks
    )
    return _marked(runs, marks, pool)


@implements(internal.components_touching, scratch=OF_RUNS + 1)
def touching(a: Mask, b: Mask, pool: ThreadPool) -> Mask:
    """The components of ``b`` that contain a voxel of ``near(a)``."""
    return through(dilation.near(a, 1, pool), b, pool)


@implements(primitives.largest_component, scratch=OF_RUNS + 1)
def largest_component(b: Mask, pool: ThreadPool) -> Mask:
    """The component of ``b`` with the most voxels; all of them in case of a tie."""
    runs = joined_runs(b, pool)
    volumes = np.zeros(len(runs.parents), np.int64)
    largest = kernel("components", "sum_volumes")(
        len(runs.parents), runs.starts, runs.stops, runs.parents, volumes
    )
    marks = ((volumes == largest) & (volumes > 0)).astype(np.uint8)
    return _marked(runs, marks, pool)


@implements(primitives.labels, scratch=OF_RUNS)
def labels(b: Mask, pool: ThreadPool) -> npt.NDArray[np.int32]:
    """The number of each voxel's component, in raster order of first voxels; 0 outside."""
    runs = joined_runs(b, pool)
    numbers = np.zeros(len(runs.parents), np.int32)
    kernel("components", "number_roots")(len(runs.parents), runs.parents, numbers)
    return _numbered(runs, numbers, pool)


@implements(ranked.ranked_components, scratch=OF_RUNS + 1)
def ranked_components(b: Mask, pool: ThreadPool) -> npt.NDArray[np.int32]:
    """The rank by size of each voxel's component, from 1 for the largest; 0 outside."""
    runs = joined_runs(b, pool)
    volumes = np.zeros(len(runs.parents), np.int64)
    kernel("components", "sum_volumes")(
        len(runs.parents), runs.starts, runs.stops, runs.parents, volumes
    )
    roots = np.flatnonzero(volumes)
    order = roots[np.argsort(-volumes[roots], kind="stable")]
    numbers = np.zeros(len(runs.parents), np.int32)
    numbers[order] = np.arange(1, len(order) + 1, dtype=np.int32)
    return _numbered(runs, numbers, pool)


@implements(ranked.component_count, scratch=OF_RUNS)
def component_count(b: Mask, pool: ThreadPool) -> float:
    """The number of components."""
    return float(joined_runs(b, pool).count)


def _marked(runs: Runs, marks: Array, pool: ThreadPool) -> Mask:
    out: Mask = pool.empty(runs.shape, np.bool_)
    _write("write_marked", runs, marks, out, pool)
    return out


def _numbered(runs: Runs, numbers: Array, pool: ThreadPool) -> npt.NDArray[np.int32]:
    out: npt.NDArray[np.int32] = pool.empty(runs.shape, np.int32)
    _write("write_numbers", runs, numbers, out, pool)
    return out


def _write(name: str, runs: Runs, values: Array, out: Array, pool: ThreadPool) -> None:
    write = kernel("components", name)
    width = runs.shape[-1]

    def part(rows: tuple[int, int]) -> None:
        write(*rows, width, runs.starts, runs.stops, runs.firsts, runs.parents, values, out)

    pool.map(part, slabs(runs.rows, width))
