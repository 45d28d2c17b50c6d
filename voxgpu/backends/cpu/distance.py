"""Exact Euclidean distances on the CPU, see ``kernels/distance.py``."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cpu import dilation
from voxgpu.backends.cpu.registry import implements
from voxgpu.backends.node_use import NodeUse
from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.image import Grid, to_3d
from voxgpu.primitives import distance as meaning
from voxgpu.primitives import internal
from voxgpu.primitives.distance import bounding_box

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

#: As in the kernel: voxels of a tile, and steps that stand for none.
LANES = 32
NOTHING = 16384


#: Bytes per voxel of exact distances, besides mask and result.
SIGNED, UNSIGNED = 9, 4


def _can_compute(shape: tuple[int, ...], spacing: tuple[float, ...]) -> bool:
    """Whether the kernel finds the exact minimum; see its docstring.

    Images have fewer planes than mean none, and the rounding of sums is less than the square of
    the smallest spacing.
    """
    most = sum((size * step) ** 2 for size, step in zip(shape, spacing, strict=True))
    return max(shape, default=0) < NOTHING and most * 2**-48 < min(spacing, default=1.0) ** 2


@implements(meaning.signed_distance, scratch=SIGNED)
def signed_distance(b: Mask, grid: Grid, pool: ThreadPool) -> Array:
    """The primitive ``dt``."""
    if not _can_compute(b.shape, grid.spacing):
        return meaning.signed_distance.function(b, grid)  # type: ignore[no-any-return]
    out: Array = pool.empty(b.shape, np.float32)
    _write(b, np.logical_not(b), grid.spacing, 0, out, pool)
    box = bounding_box(b)
    if box is not None:
        inside = np.ascontiguousarray(b[box])
        surrounded = dilation.interior(b, 1, pool)[box]
        contour = np.logical_and(inside, np.logical_not(surrounded))
        depths: Array = pool.empty(inside.shape, np.float32)
        _write(contour, inside, grid.spacing, 1, depths, pool)
        np.copyto(out[box], depths, where=inside)
    return out


@implements(meaning.distance, scratch=UNSIGNED)
def distance(b: Mask, grid: Grid, pool: ThreadPool) -> Array:
    """The primitive ``pdt``."""
    if not _can_compute(b.shape, grid.spacing):
        return meaning.distance.function(b, grid)  # type: ignore[no-any-return]
    out: Array = pool.empty(b.shape, np.float32)
    out[b] = 0.0
    _write(b, np.logical_not(b), grid.spacing, 0, out, pool)
    return out


def _scratch_of_comparison(use: NodeUse) -> float:
    """That of a dilation by a ball, or of the distances, which are then there themselves."""
    r, (kind, operator, of) = use.numbers[0], use.static
    turned = 0 if of == "region" else 1
    found = None
    if r is not None and r == r and operator not in ("equal", "not_equal"):
        found = dilation.scratch_of_ball(use, r)
    if found is None:
        return turned + 4 + (SIGNED if kind == "dt" else UNSIGNED)
    # Inside, the contour and what is near it are masks of their own.
    inside = 2 if kind == "dt" and r is not None and r <= 0 else 0
    return turned + inside + found


@implements(internal.distance_compare, scratch=_scratch_of_comparison)
def distance_compare(
    b: Mask,
    r: float,
    kind: str,
    operator: str,
    region_or_complement: str,
    grid: Grid,
    pool: ThreadPool,
) -> Mask:
    """The primitive ``distance_compare``: dilation by a ball, or exact distances."""
    b = b if region_or_complement == "region" else np.logical_not(b)
    result = dilation.distance_compare(b, r, kind, operator, grid, pool)
    if result is not None:
        return result
    exact = signed_distance if kind == "dt" else distance
    return internal.compare(operator, exact(b, grid, pool), r)


def _write(
    region: Mask,
    voxels: Mask,
    spacing: tuple[float, ...],
    negative: int,
    out: Array,
    pool: ThreadPool,
) -> None:
    """Writes the distances to a region for the selected voxels, negated if ``negative``."""
    if not region.size:
        return
    depth, height, width = to_3d(region.shape, 1)
    step_z, step_y, step_x = spacing_3d = to_3d(spacing, 1.0)
    plane, tiles = height * width, -(-width // LANES)
    steps = pool.empty((depth * plane,), np.int16)
    flat, chosen = region.reshape(-1), np.ascontiguousarray(voxels).reshape(-1)
    count = kernel("distance", "count_steps")

    def count_part(part: tuple[int, int]) -> None:
        first, last = part
        count(first, last, depth, plane, flat, steps, np.empty(last - first, np.int16))

    # Narrow enough for a row of all planes to stay in cache, wide enough to be many at a time.
    pool.map(count_part, slabs(plane, 1, max(1024, plane // (4 * pool.count))))
    low_y, high_y, occupied = _occupied(steps[:plane].reshape(height, width), tiles)
    columns = np.flatnonzero(occupied)
    low_x, high_x = (int(columns[0]), int(columns[-1])) if len(columns) else (0, -1)
    dtype = np.float32 if _single_is_exact((depth, height, width), spacing_3d) else np.float64
    lower, target = kernel("distance", f"lower_planes_{dtype.__name__}"), out.reshape(-1)
    padded, turned_padded = tiles * LANES, -(-height // LANES) * LANES
    longest = max(padded, turned_padded)

    def lower_part(part: tuple[int, int]) -> None:
        numbers = np.full((height * padded + padded * turned_padded,), np.inf, dtype)
        least = np.full(longest * LANES, np.inf, dtype)
        lower(
            *part, height, width, step_z, step_y, step_x, steps, low_y, high_y, occupied, low_x,
            high_x, chosen, negative, numbers[: height * padded], numbers[height * padded :], least,
            np.empty(longest * LANES, np.float32), *np.empty((3, longest + 2), np.int32),
            np.empty(LANES, np.uint8), *np.empty((2, LANES), dtype), np.zeros(2, dtype), target,
        )  # fmt: skip

    pool.map(lower_part, slabs(depth, plane, 1 << 18))


def _single_is_exact(shape: tuple[int, ...], spacing: tuple[float, ...]) -> bool:
    """Whether float32 represents all squared distances in such an image, and their sums.

    They are for spacings of whole mm: whole numbers below 2²⁴.
    """
    most = sum(((size - 1) * step) ** 2 for size, step in zip(shape, spacing, strict=True))
    return most < 2**24 and all(step == int(step) for step in spacing)


def _occupied(first_plane: Array, tiles: int) -> tuple[Array, Array, Array]:
    """For each tile of columns: the range of occupied rows, and the occupied columns.

    Along z a column has steps to a true voxel in its first plane just where it has one at all.
    """
    height, width = first_plane.shape
    found: Any = np.zeros((height, tiles * LANES), np.bool_)
    found[:, :width] = first_plane < NOTHING
    rows: Any = found.reshape(height, tiles, LANES).any(axis=2)
    some = rows.any(axis=0)
    columns = found.any(axis=0)
    low = np.where(some, rows.argmax(axis=0), 0)
    high = np.where(some, height - 1 - rows[::-1].argmax(axis=0), -1)
    return low.astype(np.int32), high.astype(np.int32), columns.astype(np.uint8)
