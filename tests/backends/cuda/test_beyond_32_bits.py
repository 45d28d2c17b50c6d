"""Images of more than 2³¹ voxels: indices of 64 bits, in kernels that accept such images.

Only the last blocks of each launch run, on images that take as much memory as is written to them:
the system gives zeros for the rest without keeping any. What these blocks compute depends on the
end of the image alone, so that the reference for the end is the reference.
"""

from __future__ import annotations

import math
import mmap
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tests.cuda_emulator.device import EmulatedDevice
from tests.cuda_emulator.module import Module, requires_emulation
from voxgpu.backends.cuda import channels, dilation, distance, gradient, percentiles
from voxgpu.codegen.cuda_kernels import library_text, prelude
from voxgpu.codegen.cuda_renderer import CudaKernel, render
from voxgpu.codegen.interpreter import evaluate
from voxgpu.codegen.kernel import Kernel
from voxgpu.codegen.scalar import position, read
from voxgpu.image import Grid
from voxgpu.primitives import color, internal, texture
from voxgpu.primitives import distance as distance_meaning
from voxgpu.primitives.primitive import UndefinedValueError

requires_emulation()
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or sys.maxsize < 2**32, reason="memory that takes no room is Linux's"
)

SHAPE = (33_000, 256, 256)
END = 40  # planes that differ from zero
SPACING = (1.5, 1.0, 0.7)
GRID = Grid.regular(SHAPE, SPACING)
GRID_OF_END = Grid.regular((2 * END, 256, 256), SPACING)


def _sparse(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
    """Zeros that take memory only where they are written to."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0x4000)
    return np.frombuffer(mmap.mmap(-1, max(size, 1), flags), dtype, math.prod(shape)).reshape(shape)


class _LargeDevice(EmulatedDevice):
    """Runs the last blocks of each launch, in memory that is sparse."""

    def __init__(self, blocks: int) -> None:
        self._own: dict[str, Module] = {}
        self._blocks = blocks
        super().__init__(self._module)

    def _module(self, library: str) -> Module:
        if library not in self._own:
            self._own[library] = Module(library_text(library))
            self._own[library].configure(last_blocks=self._blocks)
        return self._own[library]

    def empty(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Any:
        return _sparse(shape, dtype)

    zeros = empty


@pytest.fixture(scope="module")
def region() -> Iterator[tuple[Any, Any]]:
    """A mask that is true in a few voxels near its end, and its last planes."""
    assert math.prod(SHAPE) > 2**31
    b = _sparse(SHAPE, np.bool_)
    b[-END:] = np.random.default_rng(3).random((END, *SHAPE[1:])) < 0.03
    yield b, np.array(b[-2 * END :])


def test_slopes() -> None:
    v = _sparse(SHAPE, np.int16)
    v[-3:] = np.random.default_rng(1).integers(-9, 99, (3, *SHAPE[1:]))
    found = gradient.gradient(v, GRID, _LargeDevice(32))
    end = Grid.regular((3, *SHAPE[1:]), SPACING)
    expected = texture.gradient.function(v[-3:].astype(np.float32), end)
    assert found[-1].tobytes() == expected[-1].tobytes()


def test_boxes(region: tuple[Any, Any]) -> None:
    b, end = region
    found = dilation.near(b, 2, _LargeDevice(64))
    assert np.array_equal(found[-4:], internal.box_dilate.function(end, 2)[-4:])


@pytest.mark.parametrize("r", [2.0, -1.2])
def test_balls(r: float, region: tuple[Any, Any]) -> None:
    b, end = region
    inverted = r < 0  # a region of which something is deep inside
    asked = r, "dt", "less_equal"
    found = dilation.distance_compare(b, *asked, GRID, _LargeDevice(64), inverted)
    where = "complement" if inverted else "region"
    expected = internal.distance_compare.function(end, *asked, where, GRID_OF_END)
    assert 0 < np.count_nonzero(expected[-4:]) < expected[-4:].size
    assert found is not None and np.array_equal(found[-4:], expected[-4:])


@pytest.mark.parametrize("whole", [True, False], ids=["whole mm", "fractions of a mm"])
@pytest.mark.parametrize("kind", ["distance", "signed_distance"])
def test_distances(kind: str, whole: bool) -> None:
    shape = (66, 7900, 4200)
    assert math.prod(shape) > 2**31
    spacing = (1.0, 1.0, 1.0) if whole else SPACING
    b = _sparse(shape, np.bool_)
    b[-1, -20:, -30:] = np.random.default_rng(7).random((20, 30)) < 0.5
    if kind == "signed_distance":
        b[-1, -9:, -9:] = True
    found = getattr(distance, kind)(b, Grid.regular(shape, spacing), _LargeDevice(600))
    end = np.array(b[-2:, -40:, -60:])
    expected = getattr(distance_meaning, kind).function(end, Grid.regular(end.shape, spacing))
    assert found[-1, -2:, -30:].tobytes() == expected[-1, -2:, -30:].tobytes()


@pytest.mark.parametrize("number", [0, 2])
def test_channels(number: int) -> None:
    shape = (16_500, 256, 256)  # of voxels, of which each has three bytes
    colors = _sparse((*shape, 3), np.uint8)
    colors[-1] = np.random.default_rng(2).integers(0, 256, (*shape[1:], 3))
    device = _LargeDevice(64)
    found = channels.channel(colors, number, device)
    name = ("red", "green", "blue")[number]
    assert np.array_equal(found[-1], getattr(color, name).function(colors[-1]))
    brightness = channels.intensity(colors, device)
    assert np.array_equal(brightness[-1], color.intensity_of_color.function(colors[-1]))


def test_a_box_of_more_voxels_than_32_bits_count() -> None:
    """Rows of odd length, which are copied byte by byte."""
    v = _sparse((33_400, 256, 256), np.uint8)
    v[-1] = np.random.default_rng(4).integers(0, 256, (256, 256))
    shape = (33_400, 253, 255)
    assert math.prod(shape) > 2**31
    found = channels.extracted(v, (0, 1, 1), shape, _LargeDevice(255))
    assert np.array_equal(found[-1], v[-1, 1:-2, 1:])


def test_positions_in_generated_kernels() -> None:
    shape = (33_600, 250, 256)
    v = _sparse(shape, np.int16)
    v[-1] = np.random.default_rng(5).integers(-99, 99, shape[1:])
    body = read(0, "f32") + position(0) * 3.0 - position(1) * 0.5 + position(2)
    kernel = CudaKernel(Kernel(("int16",), (), (body,), ()), ())
    module = Module(prelude() + render(kernel, "k"))
    module.configure(last_blocks=64)
    out, n = _sparse(shape, np.float32), math.prod(shape)
    arguments = (np.int64(n), *map(np.int32, reversed(shape)), v, out)
    module.get_function("k")((-(-n // kernel.voxels_a_block),), (256,), arguments)
    small = np.array(v[-1:], np.float32)
    before = evaluate(body, [small], [], small.shape)
    beyond = evaluate(position(2), [small], [], small.shape)
    assert np.array_equal(out[-1:], before - beyond + np.float32(shape[0] - 1))


def test_more_voxels_than_can_be_sorted_are_refused() -> None:
    v = np.broadcast_to(np.float32(1), (2**12, 2**10, 2**10))
    device = _LargeDevice(1)
    with pytest.raises(UndefinedValueError, match="at most 4294967295 can be sorted; crop"):
        percentiles.percentiles(v, np.broadcast_to(np.True_, v.shape), 0.5, device)
    assert not device.launches
