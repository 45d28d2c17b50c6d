"""The kernels for channels of colors and boxes of images, emulated."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cuda_emulator.device import EmulatedDevice, emulated
from tests.primitives.images import shapes
from tests.strategies import law
from voxgpu.backends.cuda import channels as launched
from voxgpu.image import Grid
from voxgpu.primitives import color, region

ELEMENTS = ["bool", *launched.ELEMENTS]
NAMES = ("red", "green", "blue", "alpha_of_color")


def voxels(shape: tuple[int, ...], element: str, seed: int = 0) -> Any:
    """Random bits: special floats, large integers."""
    random = np.random.default_rng([math.prod(shape), seed])
    if element == "bool":
        return random.random(shape) < 0.5
    count = math.prod(shape) * np.dtype(element).itemsize
    return random.integers(0, 256, count, np.uint8).view(element).reshape(shape)


def same(found: Any, wanted: Any) -> bool:
    """Equality except for the payload of NaN, which arithmetic does not guarantee."""
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    return bool(np.array_equal(found, wanted, equal_nan=found.dtype.kind == "f"))


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 1, 4), (5, 41, 13)])
@pytest.mark.parametrize("channels", [3, 4])
def test_channels_and_brightness(element: str, shape: tuple[int, ...], channels: int) -> None:
    colors = voxels((*shape, channels), element)
    device = EmulatedDevice()
    for number, name in enumerate(NAMES):
        wanted = getattr(color, name).function(colors)
        assert same(launched.channel(colors, number, device), wanted)
    wanted = color.intensity_of_color.function(colors)
    assert same(launched.intensity(colors, device), wanted)
    assert device.launches == ["channels_channel"] * 4 + ["channels_intensity"]


@given(shapes, st.lists(st.sampled_from(ELEMENTS), min_size=3, max_size=4))
@law(120)
def test_colors_of_images(shape: tuple[int, ...], elements: list[str]) -> None:
    images = [voxels(shape, element, seed) for seed, element in enumerate(elements)]
    device = EmulatedDevice()
    numbers = [each.astype(np.float32) for each in images]
    primitive = color.rgb if len(images) == 3 else color.rgba
    assert same(launched.joined(images, device), primitive.function(*numbers))
    assert device.launches == ["channels_join"]


def test_more_colors_than_a_block_has_threads() -> None:
    images = [voxels((3, 33, 67), element) for element in ("float32", "uint8", "int16")]
    numbers = [each.astype(np.float32) for each in images]
    assert same(launched.joined(images, EmulatedDevice()), color.rgb.function(*numbers))


@st.composite
def boxes(draw: Any) -> tuple[tuple[int, ...], list[int], list[int]]:
    """A shape, and start and shape of a box in it; many of whole rows and planes."""
    shape = draw(st.sampled_from([(1, 1), (5, 16), (3, 4, 5), (6, 1, 8), (1, 9, 2), (4, 8, 24)]))
    starts, sizes = [], []
    for size in shape:
        start = draw(st.just(0) | st.integers(0, size - 1))
        starts.append(start)
        sizes.append(draw(st.just(size - start) | st.integers(1, size - start)))
    return shape, starts, sizes


@given(boxes(), st.sampled_from(ELEMENTS), st.sampled_from([(), (3,), (4,)]))
@law(300)
def test_boxes_of_voxels(box: Any, element: str, channels: tuple[int, ...]) -> None:
    shape, start, size = box
    image = voxels((*shape, *channels), element)
    device = EmulatedDevice()
    found = launched.extracted(image, start, size, device)
    part = image[tuple(slice(at, at + n) for at, n in zip(start, size, strict=True))]
    assert found.tobytes() == part.tobytes()
    assert (found.dtype, found.shape) == (part.dtype, part.shape)
    arguments = [tuple(float(n) for n in reversed(each)) for each in (size, start)]
    primitive = region.extract_colors if channels else region.extract
    grid = region.extracted_grid(Grid.regular(shape, (1.0,) * len(shape)), *arguments)
    wanted = primitive.function(image, *arguments, grid)
    assert found.reshape(wanted.shape).tobytes() == wanted.tobytes()
    assert len(device.launches) == 1


@pytest.mark.parametrize("element", ELEMENTS)
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 8, 16), (70, 9, 40)])
def test_slices(element: str, axis: int, shape: tuple[int, ...]) -> None:
    image = voxels(shape, element)
    grid = Grid.regular(shape, (1.0, 1.0, 1.0))
    for index in {0, shape[2 - axis] // 2, shape[2 - axis] - 1}:
        found = launched.sliced(image, 2 - axis, index, EmulatedDevice())
        left = region.slice_grid(grid, axis, index)
        wanted = region.slice_volume.function(image, axis, index, left)
        assert found.tobytes() == wanted.tobytes()
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)


@pytest.mark.parametrize(
    ("width", "start", "size", "kernel"),
    [(16, 8, 8, 8), (16, 4, 8, 4), (16, 0, 16, 8), (16, 6, 4, 2), (15, 3, 5, 1), (15, 0, 15, 1)],
)
def test_rows_are_copied_in_the_largest_units(
    width: int, start: int, size: int, kernel: int
) -> None:
    image = voxels((2, 8, width), "uint8")
    device = EmulatedDevice()
    found = launched.extracted(image, (0, 1, start), (2, 6, size), device)
    assert np.array_equal(found, image[:, 1:7, start : start + size])
    assert device.launches == [f"channels_box_{kernel}"]


@pytest.mark.parametrize("seed", range(3))
def test_any_schedule(seed: int) -> None:
    module = emulated("channels")
    module.configure(seed=seed, yield_per_mille=200, resident=6)
    try:
        test_channels_and_brightness("float32", (5, 41, 13), 4)
        test_slices("int16", 0, (70, 9, 40))
        test_more_colors_than_a_block_has_threads()
    finally:
        module.configure()
