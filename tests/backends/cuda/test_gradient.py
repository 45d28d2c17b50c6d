"""The gradient kernels, emulated, equal the reference bitwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cuda_emulator.device import EmulatedDevice, emulated
from tests.primitives.images import numbers, shapes, spacings
from tests.strategies import law
from voxgpu.backends.cuda import gradient
from voxgpu.image import Grid
from voxgpu.primitives import texture

#: Sizes around those of walks of 32 voxels and 16 rows.
SHAPES = [(1, 1), (1, 70), (40, 1), (17, 33), (1, 1, 7), (9, 1, 1), (1, 16, 32), (5, 31, 65)]
ELEMENTS = ["bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"]


def check(v: Any, spacing: tuple[float, ...], device: EmulatedDevice | None = None) -> None:
    """Compares bitwise; all NaN are equal."""
    device, grid = device or EmulatedDevice(), Grid.regular(v.shape, spacing)
    expected = texture.gradient.function(v.astype(np.float32), grid)
    found = gradient.gradient(v, grid, device)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    assert np.where(np.isnan(found), -1, found).tobytes() == (
        np.where(np.isnan(expected), -1, expected).tobytes()
    )
    assert len(device.launches) == 1


@law(200)
@given(st.data())
def test_small_images(data: Any) -> None:
    v = data.draw(numbers(data.draw(shapes)))
    check(v, tuple(data.draw(spacings) for _ in v.shape))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 1.3, 3.3), (3.3, 0.9375, 0.7)])
def test_odd_shapes(shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    v = np.random.default_rng(1).normal(size=shape).astype(np.float32) * 1000
    check(v, spacing[-len(shape) :])
    v.reshape(-1)[::7] = np.inf
    v.reshape(-1)[::5] = np.nan
    check(v, spacing[-len(shape) :])


@pytest.mark.parametrize("element", ELEMENTS)
def test_whole_numbers(element: str) -> None:
    bits = np.random.default_rng(2).integers(0, 256, (4, 19, 37 * 8), np.uint8)
    v = bits > 128 if element == "bool" else bits.view(element)
    check(v, (0.7, 1.3, 0.9375))


def test_float64() -> None:
    """Numbers beyond the range of float32 become infinite, or 0."""
    v = np.random.default_rng(3).normal(size=(5, 18, 34))
    v[2, 3, 4], v[1, 1, 1] = 1e300, 1e-300
    check(v, (1.0, 0.5, 3.3))


@pytest.mark.parametrize("seed", range(3))
def test_any_schedule(seed: int) -> None:
    module = emulated("gradient")
    module.configure(seed=seed, yield_per_mille=200, resident=6)
    try:
        v = np.random.default_rng(seed).integers(-1000, 1000, (23, 30, 40)).astype(np.int16)
        check(v, (1.3, 0.7, 0.9375))
    finally:
        module.configure()
