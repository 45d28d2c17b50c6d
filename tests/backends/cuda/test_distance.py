"""The distance kernels, emulated, equal the reference bitwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.cuda_emulator.device import EmulatedDevice, emulated
from tests.primitives.images import masks_with_spacing
from tests.strategies import law
from voxgpu.backends.cuda import distance
from voxgpu.image import Grid
from voxgpu.primitives import distance as reference
from voxgpu.primitives.primitive import UndefinedValueError

#: Sizes around those of packed words of 32 planes and tiles of 16 lines.
SHAPES = [(1, 1), (1, 40), (70, 33), (1, 1, 7), (70, 1, 1), (1, 90, 2), (33, 9, 17), (66, 5, 31)]
SPACINGS = [(1.0, 1.0, 1.0), (0.7, 1.3, 3.3), (0.9375, 0.9375, 0.9375), (3.3, 0.7, 0.9375)]


def kinds_of(shape: tuple[int, ...]) -> Iterator[Any]:
    """Empty, full, corners, and noise of several densities."""
    mask = np.zeros(shape, np.bool_)
    yield mask.copy()
    yield ~mask
    mask[(-1,) * len(shape)] = True
    yield mask.copy()
    mask[(0,) * len(shape)] = True
    yield mask
    yield ~mask
    noise = np.random.default_rng(1).random(shape)
    yield noise < 0.02
    yield noise < 0.98


def blobs(shape: tuple[int, ...], seed: int = 1, share: float = 0.3) -> Any:
    """Masks by thresholds of smoothed noise."""
    noise = np.random.default_rng(seed).random(shape)
    for axis in range(noise.ndim):
        noise = sum(np.roll(noise, step, axis) for step in range(-3, 4))
    return noise < np.quantile(noise, share)


def check(mask: Any, spacing: tuple[float, ...], device: EmulatedDevice | None = None) -> None:
    """Compares both distances bitwise."""
    device, grid = device or EmulatedDevice(), Grid.regular(mask.shape, spacing)
    for function, meaning in (
        (distance.signed_distance, reference.signed_distance),
        (distance.distance, reference.distance),
    ):
        found, expected = function(mask, grid, device), meaning.function(mask, grid)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()


@law(150)
@given(masks_with_spacing())
def test_small_images(given_: Any) -> None:
    mask, spacing = given_
    check(mask, spacing)
    check(mask, (1.0,) * mask.ndim)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("spacing", SPACINGS)
def test_odd_shapes(shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    for mask in kinds_of(shape):
        check(mask, spacing[-len(shape) :])


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("share", [0.01, 0.5])
def test_blobs(spacing: tuple[float, ...], share: float) -> None:
    check(blobs((37, 45, 52), share=share), spacing)


@pytest.mark.parametrize(
    "spacing",
    [(1.0, 1e-9, 1.0), (1e-9, 1.0, 1.0), (1.0, 1.0, 1e-12), (1e-200, 1e100, 1.0), (1.0, 1e-5, 1.0)],
)
def test_spacings_far_apart(spacing: tuple[float, ...]) -> None:
    check(blobs((9, 14, 20)), spacing)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 500, 3), (3, 3, 1000), (2, 1700), (3000, 2), (2, 1, 8100)])
@pytest.mark.parametrize("step", [1.0, 0.7])
def test_long_axes(shape: tuple[int, ...], step: float) -> None:
    """So long that fewer lines fit a block, or none does."""
    mask = np.random.default_rng(2).random(shape) < 0.002
    check(mask, (step,) * len(shape))
    check(np.ascontiguousarray(mask[..., ::-1, :].swapaxes(-1, -2)), (step,) * len(shape))


def test_few_launches() -> None:
    device = EmulatedDevice()
    check(blobs((5, 6, 7)), (1.0, 1.0, 1.0), device)
    search = ["distance_columns", "distance_rows"]
    assert device.launches == ["distance_pack_contour", *search, "distance_pack_voxels", *search]
    device = EmulatedDevice()
    check(blobs((5, 6, 7)), (1.0, 1.0, 0.7), device)
    assert len(device.launches) == 6
    assert sum(each.endswith("_exact") for each in device.launches) == 4


def test_too_long_axes() -> None:
    mask = np.zeros((1, 65_536), np.bool_)
    with pytest.raises(UndefinedValueError, match="65536 voxels along an axis"):
        distance.distance(mask, Grid.regular(mask.shape), EmulatedDevice())


@pytest.mark.parametrize("seed", range(3))
def test_any_schedule(seed: int) -> None:
    modules = [emulated(stem) for stem in ("distance", "distance_pack")]
    for module in modules:
        module.configure(seed=seed, yield_per_mille=200, resident=6)
    try:
        mask = blobs((35, 12, 40), seed)
        check(mask, (1.0, 1.0, 1.0))
        check(mask, (0.7, 1.3, 3.3))
    finally:
        for module in modules:
            module.configure()
