"""Dilation on a GPU by boxes and by balls of a bounded distance, see ``kernels/dilation.cu``.

Balls are those of the CPU: which offsets lie in one is decided by comparing the distances that the
reference computes.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cpu.dilation import ball
from voxgpu.backends.cuda.launch import THREADS, Array, Device, blocks_of
from voxgpu.backends.cuda.registry import implements
from voxgpu.float32 import nearest_float32
from voxgpu.frozen import frozen
from voxgpu.image import Grid, to_3d
from voxgpu.primitives import internal, morphology

#: Of a tile: voxels along x, and rows; and the most half-width, as in the kernel.
TILE_VOXELS, TILE_ROWS, MOST_RADIUS = 128, 64, 8

#: Words that a row of a tile takes in shared memory, packed, and widened.
PACKED_WORDS, WIDENED_WORDS = 6, 4

#: Voxels of a word of a ball.
WORD = 64

#: Beyond so many voxels along x, or so many rows of a ball, exact distances are faster.
WIDEST, MOST_ROWS = 48, 2048

#: Blocks of a multiprocessor where threads take more than one element.
BLOCKS_EACH = 16

NO, YES = np.int32(0), np.int32(1)


@frozen
class _Rows:
    """A ball as its rows.

    widths  the half-widths that occur, ascending
    steps   for each row steps along z and y, and the place of its half-width; long rows first
    """

    widths: npt.NDArray[np.int32]
    steps: npt.NDArray[np.int32]


@implements(internal.box_dilate, scratch=2, libraries=("dilation",))
@implements(morphology.near, scratch=1, libraries=("dilation",), radius=1)
def near(b: Array, radius: float, device: Device) -> Array:
    """True where ``b`` is true in the box of half-width ``radius`` voxels; outside is false.

    Shapes (z, y, x) or (y, x).
    """
    return _boxed(b, int(radius), NO, device)


@implements(internal.box_erode, scratch=2, libraries=("dilation",))
@implements(morphology.interior, scratch=1, libraries=("dilation",), radius=1)
def interior(b: Array, radius: float, device: Device) -> Array:
    """True where ``b`` is true in the whole box of half-width ``radius``; outside is true.

    Shapes (z, y, x) or (y, x).
    """
    return _boxed(b, int(radius), YES, device)


def distance_compare(
    b: Array,
    r: float,
    kind: str,
    operator: str,
    grid: Grid,
    device: Device,
    inverted: bool = False,
) -> Array | None:
    """Compares ``dt(b)`` or ``pdt(b)`` with ``r`` mm; None if exact distances are faster.

    kind      ``dt`` or ``pdt``
    operator  of ``voxgpu.primitives.internal.OPERATORS``
    inverted  to measure the distance to where ``b`` is false, as if it were ``!b``
    """
    r = float(nearest_float32(r))
    if operator in ("equal", "not_equal"):
        return None
    if math.isnan(r):
        return device.zeros(b.shape, np.bool_)
    # What is not less is greater or equal, as no distance is NaN.
    strict = operator in ("less", "greater_equal")
    complement = operator in ("greater", "greater_equal")
    comparison = _DistanceComparison(b, kind, strict, grid, inverted, complement)
    if math.isinf(r):
        return comparison.infinite_radius(r, device)
    if r < 0 or (r == 0 and strict):
        return comparison.below_contour(-r, device)
    return comparison.inside_ball(r, device)


@frozen
class _DistanceComparison:
    """Comparison of the distance to a region with a number: less, or less or equal.

    strict      less; otherwise less or equal
    inverted    the region is where ``b`` is false
    complement  to answer where it is not
    """

    b: Array
    kind: str
    strict: bool
    grid: Grid
    inverted: bool
    complement: bool

    def infinite_radius(self, r: float, device: Device) -> Array:
        """The comparison with an infinite ``r``: distances to an empty set are infinite."""
        if r > 0 and self.strict:
            return self._fill_from_any(self.inverted, False, device)
        if r > 0:
            return self._everywhere(True, device)
        if self.strict or self.kind != "dt":
            return self._everywhere(False, device)
        # All are true if none is false.
        return self._fill_from_any(not self.inverted, True, device)

    def inside_ball(self, r: float, device: Device) -> Array | None:
        """The comparison with ``r`` >= 0: the region dilated by a ball."""
        rows = _rows_of_ball(self.grid.spacing, self.grid.shape, r, self.strict)
        if rows is None:
            return None
        widened = self._widened(rows, device)
        numbers = (*self._volume, np.int32(self.inverted))
        _launch_widen("dilation_widen", self.b, rows, widened, numbers, device)
        return self._joined(rows, widened, False, device)

    def below_contour(self, depth: float, device: Device) -> Array | None:
        """The comparison with a negative number: where the region's contour is ``depth`` away.

        None if the ball has too many rows, or too long ones.
        """
        if self.kind != "dt":
            return self._everywhere(False, device)
        rows = _rows_of_ball(self.grid.spacing, self.grid.shape, depth, not self.strict)
        if rows is None:
            return None
        packed = device.empty((self._words,), np.uint64)
        _launch_tiles(
            "dilation_contour",
            self.b,
            packed.view(np.uint32),
            1,
            (np.int32(self.inverted),),
            device,
        )
        widened = self._widened(rows, device)
        _launch_widen("dilation_widen_packed", packed, rows, widened, self._volume, device)
        return self._joined(rows, widened, True, device)

    @property
    def _volume(self) -> tuple[np.int32, ...]:
        return tuple(np.int32(each) for each in _volume_of(self.b))

    @property
    def _words(self) -> int:
        depth, height, width = _volume_of(self.b)
        return depth * height * -(-width // WORD)

    def _widened(self, rows: _Rows, device: Device) -> Array:
        return device.empty((len(rows.widths) * self._words,), np.uint64)

    def _joined(self, rows: _Rows, widened: Array, below_contour: bool, device: Device) -> Array:
        out = device.empty(self.b.shape, np.bool_)
        flags = (np.int32(each) for each in (below_contour, self.inverted, self.complement))
        device.launch(
            "dilation", "dilation_join", blocks_of(self._words), THREADS, widened,
            device.constant(rows.steps), np.int32(len(rows.steps)), self.b, out, *self._volume,
            *flags,
        )  # fmt: skip
        return out

    def _everywhere(self, value: bool, device: Device) -> Array:
        if value == self.complement:
            return device.zeros(self.b.shape, np.bool_)
        return self._filled(device.zeros((1,), np.int32), True, device)

    def _fill_from_any(self, false: bool, negated: bool, device: Device) -> Array:
        """Fills the image with whether any voxel of ``b`` is true (or false), or its negation."""
        found = device.zeros((1,), np.int32)
        count = np.int64(self.b.size)
        blocks = _few_blocks(self.b, device)
        device.launch(
            "dilation", "dilation_any", blocks, THREADS, self.b, count, np.int32(false), found
        )
        return self._filled(found, negated != self.complement, device)

    def _filled(self, flag: Array, negated: bool, device: Device) -> Array:
        out = device.empty(self.b.shape, np.bool_)
        arguments = (flag, np.int32(negated), out, np.int64(out.size))
        device.launch("dilation", "dilation_fill", _few_blocks(out, device), THREADS, *arguments)
        return out


@lru_cache(maxsize=64)
def _rows_of_ball(
    spacing: tuple[float, ...], shape: tuple[int, ...], r: float, strict: bool
) -> _Rows | None:
    """Returns the rows of a ball; None if it has too many, or too long ones."""
    if not _small(spacing, shape, r):
        return None
    found = ball(spacing, shape, r, strict)
    if found.widest > WIDEST or len(found.halves) > MOST_ROWS:
        return None
    widths, places = np.unique(found.halves, return_inverse=True)
    # Long rows make words full soon.
    order = np.argsort(-found.halves, kind="stable")
    columns = (found.steps_z, found.steps_y, places.reshape(-1))
    steps = np.stack([column[order] for column in columns], axis=1)
    return _Rows(widths.astype(np.int32), np.ascontiguousarray(steps, np.int32))


def _small(spacing: tuple[float, ...], shape: tuple[int, ...], r: float) -> bool:
    """Whether the rows of a ball are worth computing: a square inside it is small enough."""
    steps = [min(r / step, size) for step, size in zip(spacing[:-1], shape[:-1], strict=True)]
    return math.prod(steps) <= MOST_ROWS and min(r / spacing[-1], shape[-1]) <= WIDEST + 1


def _launch_widen(
    name: str,
    source: Array,
    rows: _Rows,
    widened: Array,
    numbers: tuple[Any, ...],
    device: Device,
) -> None:
    blocks = blocks_of(widened.size // len(rows.widths))
    widths = (device.constant(rows.widths), np.int32(len(rows.widths)))
    device.launch("dilation", name, blocks, THREADS, source, *widths, widened, *numbers)


def _boxed(b: Array, radius: int, inverse: np.int32, device: Device) -> Array:
    """Dilates by a sequence of boxes whose half-widths add up."""
    left = min(radius, max(b.shape))
    launches = max(1, -(-left // MOST_RADIUS))
    source = b
    for remaining in range(launches, 0, -1):
        part = -(-left // remaining)
        out = device.empty(b.shape, np.bool_)
        _launch_tiles("dilation_box", source, out, part, (np.int32(part), inverse), device)
        source, left = out, left - part
    return source


def _launch_tiles(
    name: str, b: Array, out: Array, radius: int, numbers: tuple[np.int32, ...], device: Device
) -> None:
    depth, height, width = _volume_of(b)
    planes = next(each for each in (8, 4, 2, 1) if each <= depth)
    rows = TILE_ROWS // planes
    blocks = -(-width // TILE_VOXELS) * -(-height // rows) * -(-depth // planes)
    staged_planes = min(depth, planes + 2 * radius)
    staged = staged_planes * min(height, rows + 2 * radius)
    words = staged * (PACKED_WORDS + WIDENED_WORDS) + staged_planes * rows * WIDENED_WORDS
    volume = (np.int32(depth), np.int32(height), np.int32(width))
    arguments = (b, out, *volume, np.int32(planes), *numbers)
    device.launch("dilation", name, blocks, THREADS, *arguments, shared=4 * words)


def _volume_of(b: Array) -> tuple[int, int, int]:
    return to_3d(b.shape, 1)


def _few_blocks(b: Array, device: Device) -> int:
    return blocks_of(-(-b.size // 8), limit=BLOCKS_EACH * device.multiprocessors)
