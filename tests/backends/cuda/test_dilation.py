"""The kernels for boxes and bounded distances, emulated, equal the reference bitwise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cuda_emulator.device import EmulatedDevice, emulated
from tests.primitives.images import masks, masks_with_spacing
from tests.strategies import law
from voxgpu.backends.cuda import dilation
from voxgpu.image import Grid
from voxgpu.primitives import internal

#: Sizes around those of words of 32 and 64 voxels and tiles of 128 × 8 × 8.
SHAPES = [(1, 1), (65, 7), (3, 129), (1, 1, 200), (9, 1, 1), (1, 70, 8), (3, 5, 136), (17, 9, 63)]
COMPARISONS = ["less", "less_equal", "greater", "greater_equal"]
RADII = [0.0, -0.0, 0.9375, 1.0, 1.3, 2.5, -0.7, -1.0, -2.0, math.inf, -math.inf, math.nan]


def blobs(shape: tuple[int, ...], seed: int = 1) -> Any:
    """Masks by thresholds of smoothed noise."""
    noise = np.random.default_rng(seed).random(shape)
    for axis in range(noise.ndim):
        noise = sum(np.roll(noise, step, axis) for step in (-2, -1, 0, 1, 2))
    return noise > np.quantile(noise, 0.6)


def kinds_of(shape: tuple[int, ...]) -> Iterator[Any]:
    yield np.zeros(shape, np.bool_)
    yield np.ones(shape, np.bool_)
    yield np.random.default_rng(2).random(shape) < 0.03
    yield np.random.default_rng(3).random(shape) < 0.97


def check_boxes(mask: Any, radius: int, device: EmulatedDevice | None = None) -> None:
    device = device or EmulatedDevice()
    for found, expected in (
        (dilation.near(mask, radius, device), internal.box_dilate.function(mask, radius)),
        (dilation.interior(mask, radius, device), internal.box_erode.function(mask, radius)),
    ):
        assert found.dtype == np.bool_
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes()


def check_distance(
    mask: Any,
    r: float,
    kind: str,
    operator: str,
    spacing: tuple[float, ...],
    device: EmulatedDevice | None = None,
) -> None:
    grid, device = Grid.regular(mask.shape, spacing), device or EmulatedDevice()
    for of in ("region", "complement"):
        inverted = of == "complement"
        found = dilation.distance_compare(mask, r, kind, operator, grid, device, inverted)
        expected = internal.distance_compare.function(mask, r, kind, operator, of, grid)
        assert found is not None
        assert found.dtype == np.bool_
        assert found.shape == expected.shape
        assert found.tobytes() == expected.tobytes(), (r, kind, operator, of)


@law(80)
@given(masks(), st.integers(0, 9))
def test_boxes_of_small_images(mask: Any, radius: int) -> None:
    check_boxes(mask, radius)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("radius", [1, 3, 8, 11])
def test_boxes_of_odd_shapes(shape: tuple[int, ...], radius: int) -> None:
    for mask in kinds_of(shape):
        check_boxes(mask, radius)


@pytest.mark.parametrize("radius", [1, 8, 9])
def test_a_box_takes_few_launches(radius: int) -> None:
    device = EmulatedDevice()
    check_boxes(blobs((19, 23, 141)), radius, device)
    assert device.launches == ["dilation_box"] * 2 * -(-radius // 8)


@pytest.mark.parametrize("shape", [(1, 1), (3, 4, 5), (1, 6, 70), (9, 1, 1), (7, 130)])
@pytest.mark.parametrize("radius", [130, 5000, 10**9])
def test_a_box_wider_than_the_image_is_cut_to_it(shape: tuple[int, ...], radius: int) -> None:
    """Results of long chains of `near`: a box of 5000 voxels is clipped to the image."""
    for mask in kinds_of(shape):
        device = EmulatedDevice()
        for found, expected in (
            (dilation.near(mask, radius, device), np.full(shape, mask.any())),
            (dilation.interior(mask, radius, device), np.full(shape, mask.all())),
        ):
            assert found.tobytes() == expected.tobytes()
        assert device.launches == ["dilation_box"] * 2 * max(1, -(-max(shape) // 8))


@law(250)
@given(
    masks_with_spacing(),
    st.sampled_from(RADII) | st.floats(-6, 6),
    st.sampled_from(["dt", "pdt"]),
    st.sampled_from(COMPARISONS),
)
def test_distances_of_small_images(given_: Any, r: float, kind: str, operator: str) -> None:
    mask, spacing = given_
    check_distance(mask, r, kind, operator, spacing)


@pytest.mark.parametrize("shape", SHAPES)
def test_distances_of_odd_shapes(shape: tuple[int, ...]) -> None:
    spacing = (1.3, 0.7, 0.9375)[-len(shape) :]
    for number, mask in enumerate(kinds_of(shape)):
        for r in (2.1, 40.0, -1.5):
            kind = ("dt", "pdt")[number % 2]
            check_distance(mask, r, kind, COMPARISONS[number], spacing)


@pytest.mark.parametrize("width", range(61, 69))
@pytest.mark.parametrize("offset", [0, 1, 6])
def test_rows_that_begin_anywhere(width: int, offset: int) -> None:
    """Words of eight voxels span two rows, or extend beyond the ends of the image."""
    mask = np.empty(3 * 5 * width + offset, np.bool_)[offset:].reshape(3, 5, width)
    mask[:] = blobs(mask.shape, width)
    assert mask.ctypes.data % 8 == offset
    for kind in kinds_of(mask.shape):
        mask[:] = kind ^ blobs(mask.shape, width)
        check_boxes(mask, 1)
        for r in (2.1, -1.5):
            check_distance(mask, r, "dt", "less", (1.0, 1.0, 1.0))


@pytest.mark.parametrize("r", [5.0, -3.0])
def test_distances_of_blobs(r: float) -> None:
    mask = blobs((31, 40, 72))
    for operator, spacing in (("less", (1.0, 1.0, 1.0)), ("greater", (3.3, 0.7, 0.9375))):
        check_distance(mask, r, "dt", operator, spacing)


def test_few_launches() -> None:
    mask = blobs((9, 10, 70))
    launches = {}
    for r in (5.0, -5.0, math.inf):
        device = EmulatedDevice()
        check_distance(mask, r, "dt", "less", (1.0, 1.0, 1.0), device)
        launches[r] = device.launches[: len(device.launches) // 2]
    assert launches == {
        5.0: ["dilation_widen", "dilation_join"],
        -5.0: ["dilation_contour", "dilation_widen_packed", "dilation_join"],
        math.inf: ["dilation_any", "dilation_fill"],
    }


def test_what_balls_do_not_answer() -> None:
    mask, device = blobs((4, 5, 300)), EmulatedDevice()
    grid = Grid.regular(mask.shape)
    for r, operator in ((2.0, "equal"), (2.0, "not_equal"), (60.0, "less"), (-60.0, "less")):
        assert dilation.distance_compare(mask, r, "dt", operator, grid, device) is None
    assert device.launches == []


@pytest.mark.parametrize("seed", range(3))
def test_any_schedule(seed: int) -> None:
    module = emulated("dilation")
    module.configure(seed=seed, yield_per_mille=200, resident=6)
    try:
        mask = blobs((9, 11, 140), seed)
        check_boxes(mask, 2)
        check_distance(mask, 3.0, "dt", "less", (1.0, 1.0, 1.0))
        check_distance(mask, -2.0, "dt", "greater", (1.0, 1.0, 1.0))
        check_distance(mask, math.inf, "dt", "less", (1.0, 1.0, 1.0))
    finally:
        module.configure()
