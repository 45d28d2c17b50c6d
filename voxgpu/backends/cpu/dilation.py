"""Dilation on the CPU by boxes and by balls of a bounded distance, see ``kernels/dilation.py``.

A distance that is only compared with a number asks whether there is a true voxel in a ball. Which
offsets lie in the ball is decided by the very comparison of the very distances that the reference
computes, so that both say the same of every voxel.
"""

from __future__ import annotations

from functools import lru_cache
from math import isinf, isnan
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cpu.registry import implements
from voxgpu.backends.node_use import NodeUse
from voxgpu.backends.thread_pool import ThreadPool, slabs
from voxgpu.codegen.numba_kernels import kernel
from voxgpu.frozen import frozen
from voxgpu.image import Grid, to_3d
from voxgpu.primitives import internal, morphology

Mask = npt.NDArray[np.bool_]
Array = npt.NDArray[Any]

#: Beyond so many voxels along x, or so many words joined, distances are computed instead.
WIDEST = 48
MOST_WORDS = 1_500_000_000

#: The most half-width of a box that is made in one go: memory grows with it.
MOST_RADIUS = 12


@frozen
class Footprint:
    """A symmetric neighborhood: rows around a voxel, and how far each reaches along x.

    steps_z, steps_y  rows away
    halves            voxels to both sides of x
    """

    steps_z: Array
    steps_y: Array
    halves: Array

    @property
    def widest(self) -> int:
        """The largest half-width."""
        return int(self.halves.max(initial=0))


def box(dimensions: int, radius: int) -> Footprint:
    """The footprint of all voxels at most ``radius`` away along every axis."""
    return box_within((1 + radius,) * dimensions, radius)


@lru_cache(maxsize=64)
def box_within(extent: tuple[int, ...], radius: int) -> Footprint:
    """The same, clipped to the ``extent`` of an image in voxels, (z, y, x) or (y, x)."""
    reach = [max(0, min(radius, size - 1)) for size in extent]
    halves = to_3d(reach, 0)
    z, y = (range(-half, half + 1) for half in halves[:2])
    return _footprint([(dz, dy, halves[2]) for dz in z for dy in y])


def ball(spacing: tuple[float, ...], extent: tuple[int, ...], r: float, strict: bool) -> Footprint:
    """The footprint of all voxels whose distance, rounded as in the reference, is at most ``r`` mm.

    spacing  mm along (z, y, x) or (y, x)
    extent   voxels of the image along the same axes; the footprint is no larger
    strict   the distance must be less than ``r``
    """
    bound = np.float32(r)
    spacing = to_3d(spacing, 1.0)
    extent = to_3d(extent, 1)
    # One voxel more than the bound says, since distances are rounded before they are compared.
    reach = [min(n - 1, int(float(bound) / s) + 1) for s, n in zip(spacing, extent, strict=True)]
    squares = [(np.arange(n + 1) * s) ** 2 for n, s in zip(reach, spacing, strict=True)]
    pairs = []
    for z, along_z in enumerate(squares[0]):
        sums = (along_z + squares[1])[:, None] + squares[2][None, :]
        distances = np.sqrt(sums).astype(np.float32)
        inside_ball = (distances < bound) if strict else (distances <= bound)
        halves = inside_ball.sum(axis=1) - 1
        for y, half in enumerate(halves):
            if half >= 0:
                signs = {(sz * z, sy * y) for sz in (-1, 1) for sy in (-1, 1)}
                pairs += [(*steps, int(half)) for steps in sorted(signs)]
    return _footprint(pairs)


def _footprint(rows: list[tuple[int, int, int]]) -> Footprint:
    columns = np.array(rows, np.int32).reshape(-1, 3).T
    return Footprint(*(np.ascontiguousarray(each) for each in columns))


def dilated(b: Mask, footprint: Footprint, pool: ThreadPool, inverted: bool = False) -> Mask:
    """True where a voxel of ``b`` lies within ``footprint``; beyond the frame there is none.

    inverted  the dual, erosion: true where all voxels within ``footprint`` are true; beyond the
              frame they all are
    """
    if not b.size:
        return b.copy()
    depth, height, width = to_3d(b.shape, 1)
    words, rows = -(-width // 64), depth * height
    flip = -1 if inverted else 0
    tail = _signed((1 << (width % 64 or 64)) - 1)
    widest = footprint.widest
    widened = pool.empty((widest + 1, rows, words), np.int64)
    occupied = np.empty(rows, np.uint8)
    flat = b.reshape(rows, width)
    widen, join = kernel("dilation", "widen_rows"), kernel("dilation", "join_planes")

    def widen_part(part: tuple[int, int]) -> None:
        first, last = part
        packed = _packed(flat[first:last], words)
        # The kernel counts rows from the first one it is shown.
        target = widened.reshape(-1)[first * words :]
        widen(0, last - first, rows, words, widest, flip, tail, packed, target, occupied[first:])

    pool.map(widen_part, slabs(rows, width))
    lowest, highest = _occupied_rows(occupied.reshape(depth, height))
    out = pool.empty((depth, height, words), np.int64)
    result = pool.empty((rows, width), np.bool_)

    def join_part(part: tuple[int, int]) -> None:
        first, last = part
        join(
            first, last, depth, height, words, len(footprint.halves), footprint.steps_z,
            footprint.steps_y, footprint.halves, widened, lowest, highest, flip, out,
        )  # fmt: skip
        planes = out[first:last].reshape(-1, words).view(np.uint8)
        bits = np.unpackbits(planes, axis=1, count=width, bitorder="little")
        result[first * height : last * height] = bits.view(np.bool_)

    pool.map(join_part, slabs(depth, height * width))
    return result.reshape(b.shape)


def scratch_of_rows(width: int, widest: float) -> float:
    """Bytes per voxel of rows widened by 0 … ``widest`` voxels and of their union, packed."""
    return (widest + 2) * 8 * -(-width // 64) / max(1, width)


def _scratch_of_near(use: NodeUse) -> float:
    return scratch_of_rows(use.width, 1)


def _scratch_of_box(use: NodeUse) -> float:
    radius = use.static[0] if use.static else 1
    assert isinstance(radius, float | int)
    # The boxes in which a larger one is made have masks between them.
    between = 1 if radius > MOST_RADIUS else 0
    return scratch_of_rows(use.width, min(radius, MOST_RADIUS)) + between


@implements(internal.box_dilate, scratch=_scratch_of_box)
@implements(morphology.near, scratch=_scratch_of_near, radius=1)
def near(b: Mask, radius: float, pool: ThreadPool) -> Mask:
    """True where ``b`` is true in the box of half-width ``radius``; outside is false."""
    return _boxed(b, radius, pool, inverted=False)


@implements(internal.box_erode, scratch=_scratch_of_box)
@implements(morphology.interior, scratch=_scratch_of_near, radius=1)
def interior(b: Mask, radius: float, pool: ThreadPool) -> Mask:
    """True where ``b`` is true in the whole box of half-width ``radius``; outside is true."""
    return _boxed(b, radius, pool, inverted=True)


def _boxed(b: Mask, radius: float, pool: ThreadPool, inverted: bool) -> Mask:
    """Dilates by several small boxes, which takes less memory than by one large box."""
    left = max(0, min(int(radius), max(b.shape, default=1) - 1))
    while left > MOST_RADIUS:
        b = dilated(b, box_within(b.shape, MOST_RADIUS), pool, inverted)
        left -= MOST_RADIUS
    return dilated(b, box_within(b.shape, left), pool, inverted)


def scratch_of_ball(use: NodeUse, r: float) -> float | None:
    """Bytes per voxel of dilating by a ball of radius ``r`` mm; None if distances are computed."""
    if isinf(r):
        return 1
    z, y, x = (abs(r) / step + 1 for step in to_3d(use.grid.spacing, 1.0))
    shape = to_3d(use.grid.shape, 1)
    rows = min(2 * z + 1, shape[0]) * min(2 * y + 1, shape[1])
    words = -(-use.width // 64) * shape[0] * shape[1]
    widest = min(x, use.width - 1)
    if widest > WIDEST or rows * words > MOST_WORDS:
        return None
    return scratch_of_rows(use.width, widest)


def distance_compare(
    b: Mask, r: float, kind: str, operator: str, grid: Grid, pool: ThreadPool
) -> Mask | None:
    """Compares ``dt(b)`` or ``pdt(b)`` with ``r`` mm; None if exact distances are faster.

    kind      ``dt`` or ``pdt``
    operator  of ``voxgpu.primitives.internal.OPERATORS``
    """
    r = float(np.float32(r))
    if operator in ("equal", "not_equal"):
        return None
    if isnan(r):
        return np.zeros_like(b)
    if operator in ("greater", "greater_equal"):
        below = "less_equal" if operator == "greater" else "less"
        found = distance_compare(b, r, kind, below, grid, pool)
        return None if found is None else np.logical_not(found, out=found)
    strict = operator == "less"
    if isinf(r):
        return _infinite_radius(b, r, kind, strict)
    if r < 0 or (r == 0 and strict):
        return _below_contour(b, -r, strict, grid, pool) if kind == "dt" else np.zeros_like(b)
    return _inside_ball(b, r, strict, grid, pool)


def _infinite_radius(b: Mask, r: float, kind: str, strict: bool) -> Mask:
    """Where the distance is less than an infinite ``r``; it is infinite only for an empty set."""
    if r > 0:
        return np.full_like(b, b.any() if strict else True)
    return np.full_like(b, bool(not strict and kind == "dt" and b.size and b.all()))


def _inside_ball(b: Mask, r: float, strict: bool, grid: Grid, pool: ThreadPool) -> Mask | None:
    """Where the distance to ``b`` is at most, or less than, ``r`` ≥ 0; None if that is too slow."""
    footprint = ball(grid.spacing, grid.shape, r, strict)
    words = -(-b.shape[-1] // 64) * (b.size // max(1, b.shape[-1]))
    if footprint.widest > WIDEST or len(footprint.halves) * words > MOST_WORDS:
        return None
    return dilated(b, footprint, pool)


def _below_contour(
    b: Mask, depth: float, strict: bool, grid: Grid, pool: ThreadPool
) -> Mask | None:
    """Where ``b`` is true and at least, or more than, ``depth`` from its contour."""
    contour = np.logical_and(b, ~interior(b, 1, pool))
    close = _inside_ball(contour, depth, not strict, grid, pool)
    if close is None:
        return None
    return np.logical_and(b, np.logical_not(close, out=close), out=close)


def _packed(rows: Mask, words: int) -> Array:
    """Packs rows of voxels into words, the first voxel in the lowest bit."""
    bits = np.packbits(rows, axis=1, bitorder="little")
    if bits.shape[1] == 8 * words:
        return bits.view(np.int64)
    padded = np.zeros((len(rows), 8 * words), np.uint8)
    padded[:, : bits.shape[1]] = bits
    return padded.view(np.int64)


def _occupied_rows(occupied: Array) -> tuple[Array, Array]:
    """Returns the first and last occupied row of each plane; (0, −1) if it has none."""
    some = occupied.any(axis=1)
    first = np.where(some, occupied.argmax(axis=1), 0)
    last = np.where(some, occupied.shape[1] - 1 - occupied[:, ::-1].argmax(axis=1), -1)
    return first.astype(np.int32), last.astype(np.int32)


def _signed(word: int) -> int:
    """Reinterprets the bits as int64."""
    return word - (1 << 64) if word >> 63 else word
