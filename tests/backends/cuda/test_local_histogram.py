"""The crossCorrelation kernels, emulated, equal the reference bitwise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cuda_emulator.device import EmulatedDevice, emulated
from tests.primitives.images import masks, spacings
from tests.strategies import law
from voxgpu.backends.cuda import local_histogram
from voxgpu.image import Grid
from voxgpu.primitives import texture

SHAPES = [(1, 1), (1, 9), (6, 5), (33, 34), (1, 1, 7), (4, 1, 6), (3, 5, 4), (2, 33, 17)]
ELEMENTS = [
    *("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"),
    *("float32", "float64"),
]
WHOLE = st.integers(0, 6).map(float)
#: Bounds of bins, their neighbors, and numbers outside all bins.
ODD = WHOLE | st.sampled_from([-0.0, 0.1, 2.999, 1e-42, 3e38, 1e300, np.nan, np.inf, -np.inf])
LIBRARIES = ("local_histogram_bins", "local_histogram", "local_histogram_rows")


def expected(arguments: list[Any], grid: Grid) -> Any:
    """The reference's result for images converted as in the language."""
    r, a, b, fb, low, high, count = arguments
    read = [each.astype(np.float32) for each in (a, b)]
    return texture.cross_correlation.function(r, *read, fb, low, high, count, grid)


def check(arguments: list[Any], spacing: tuple[float, ...], on_device: bool = False) -> list[str]:
    """Compares bitwise; returns the kernels that were launched."""
    grid = Grid.regular(arguments[1].shape, spacing)
    device = EmulatedDevice()
    r, a, b, fb, low, high, count = arguments
    bounds = [device.constant(np.array([each])) if on_device else each for each in (low, high)]
    found = local_histogram.cross_correlation(r, a, b, fb, *bounds, count, grid, device)
    assert found.dtype == np.float32
    assert found.shape == a.shape
    assert found.tobytes() == expected(arguments, grid).tobytes()
    return device.launches


@st.composite
def images(draw: Any, shape: tuple[int, ...]) -> Any:
    element = draw(st.sampled_from(ELEMENTS))
    values = ODD if element.startswith("float") else WHOLE
    size = math.prod(shape)
    few = draw(st.lists(values, min_size=1, max_size=min(size, 40)))
    return np.resize(np.array(few), size).astype(element).reshape(shape)


@st.composite
def calls(draw: Any) -> tuple[list[Any], tuple[float, ...]]:
    """Arguments and spacing."""
    shape = draw(st.sampled_from(SHAPES))
    a = draw(images(shape))
    b = a if draw(st.booleans()) else draw(images(shape))
    r = draw(st.sampled_from([0.0, 0.5, 1.0, 2.5, 4.0, 1000.0, math.inf]))
    low = draw(st.sampled_from([0.0, -1.0, 0.1, -1e300]))
    high = draw(st.sampled_from([1e-310, 1.0, 3.0, 6.0, 1e30, 1e308]).filter(lambda v: v > low))
    bins = draw(st.sampled_from([1, 2, 5, 7, 16, 20, 100, 255, 256, 300]))
    spacing = tuple(draw(spacings) for _ in shape)
    return [r, a, b, draw(masks(shape)), low, high, bins], spacing


@pytest.mark.slow
@given(calls(), st.booleans())
@law(250)
def test_elements_shapes_odd_numbers_and_bounds(
    call: tuple[list[Any], tuple[float, ...]], on_device: bool
) -> None:
    check(*call, on_device=on_device)


def textured(shape: tuple[int, ...], levels: int = 100) -> tuple[Any, Any]:
    """Values below `levels` in a blob that fades out to 0, and a mask."""
    random = np.random.default_rng(math.prod(shape))
    places = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    radius = np.sqrt(sum(place**2 for place in places))
    a = np.clip(1.2 - radius, 0, 1) * (0.7 + 0.3 * random.random(shape)) * levels
    return a.astype(np.float32), random.random(shape) < 0.3


@pytest.mark.parametrize("bins", [1, 2, 20, 100, 300])
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.3, 0.5, 0.7)])
def test_a_blob_of_several_tiles(bins: int, spacing: tuple[float, ...]) -> None:
    a, mask = textured((21, 40, 37))
    launches = check([2.2, a, a, mask, 1.0, 90.0, bins], spacing)
    kind = "tiles" if bins < 256 else "rows"
    assert len(launches) == 2
    assert kind in launches[1]


@pytest.mark.parametrize("shape", [(70, 31, 33), (5, 65, 64), (97, 100), (1, 34, 129), (40, 3, 1)])
def test_shapes_around_tiles(shape: tuple[int, ...]) -> None:
    a, mask = textured(shape)
    launches = check([3.0, a, a.copy(), mask, 0.5, 100.0, 20], (1.0,) * len(shape))
    assert launches == ["local_histogram_bins_float32"] * 2 + ["local_histogram_tiles_narrow"]


@pytest.mark.parametrize(
    ("r", "kernel"),
    [
        (5.0, "local_histogram_tiles_narrow"),  # squares of 121 columns
        (6.0, "local_histogram_tiles_wide"),  # of 169
        (13.0, "local_histogram_tiles_wide"),  # the widest that fits shared memory
        (14.0, "local_histogram_rows_shared"),
    ],
)
def test_boxes_of_all_widths(r: float, kernel: str) -> None:
    a, mask = textured((15, 34, 36), 9)
    a[:, :17] = 8  # so that a square of columns has one bin only
    assert check([r, a, a, mask, 0.0, 9.0, 11], (1.0, 1.0, 1.0))[-1] == kernel


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        ((334, 14, 14), "local_histogram_tiles_wide"),  # 65 464 voxels, whose square is nearly 2³²
        ((335, 14, 14), "local_histogram_rows_shared"),
        ((256, 257), "local_histogram_rows_shared"),
    ],
)
def test_boxes_around_the_limit_of_16_bits(shape: tuple[int, ...], kernel: str) -> None:
    random = np.random.default_rng(math.prod(shape))
    a = np.zeros(shape, np.uint8)
    a[random.random(shape) < 0.02] = 3
    spacing = tuple(1.0 if size < 300 else 0.7 for size in shape)
    r = 20.0 if len(shape) == 2 else 300.0
    launches = check([r, a, a, random.random(shape) < 0.3, 0.0, 6.0, 4], spacing)
    assert launches[-1] == kernel


@pytest.mark.parametrize("bins", [4095, 4096, 65_535])
def test_many_bins(bins: int) -> None:
    random = np.random.default_rng(bins)
    a = random.integers(0, 9, (5, 6, 7)).astype(np.float32) / 8
    a[0] = 1 - 2.0**-24  # the last bin
    launches = check([1.0, a, a, a > 0.3, 0.0, 1.0, bins], (1.0, 1.0, 1.0))
    assert launches[-1] == "local_histogram_rows_global"


def test_more_bins_than_codes_are_refused() -> None:
    a, mask = textured((2, 2))
    grid = Grid.regular((2, 2), (1.0, 1.0))
    with pytest.raises(ValueError, match="65535 bins"):
        local_histogram.cross_correlation(1.0, a, a, mask, 0.0, 1.0, 65_536, grid, EmulatedDevice())


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 200), st.integers(0, 2**32 - 1))
@law(60)
def test_bins_of_numbers_next_to_their_bounds(
    low: float, extent: float, bins: int, seed: int
) -> None:
    """One bin is wanted; boxes of adjacent voxels show whether each voxel is in it."""
    high = low + extent
    edges = (low + np.arange(bins + 1) * ((high - low) / bins)).astype(np.float32)
    near = [edges, np.nextafter(edges, np.float32(np.inf)), np.nextafter(edges, np.float32(-1e30))]
    a = np.random.default_rng(seed).choice(np.concatenate(near), (4, 40))
    mask = np.zeros(a.shape, bool)
    mask[0, :7] = True
    check([1.0, a, a, mask, low, high, bins], (1.0, 1.0))


@pytest.mark.parametrize("element", ["int16", "float32"])
def test_histograms_without_spread(element: str) -> None:
    a = np.ones((4, 5, 6), element)
    a[2] = 4
    spacing = (1.0, 1.0, 1.0)
    nowhere, everywhere = np.zeros(a.shape, bool), np.ones(a.shape, bool)
    for bins in (5, 400):
        check([1.0, a, a, nowhere, 0.0, 5.0, bins], spacing)
        check([1.0, a, a, everywhere, 10.0, 20.0, bins], spacing)
        check([1.0, a, a * 7, everywhere, 0.0, 5.0, bins], spacing)
        check([1.0, np.ones_like(a), a, a == 1, 0.0, 5.0, bins], spacing)


@pytest.mark.parametrize("bounds", [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
@pytest.mark.parametrize("bins", [5, 300, 5000])
def test_bounds_that_mean_nothing_do_no_harm(bounds: tuple[float, float], bins: int) -> None:
    a, mask = textured((3, 5, 7))
    a[0, 0, :4] = np.nan, np.inf, -np.inf, 1.0
    device = EmulatedDevice()
    places = [device.constant(np.array([each])) for each in bounds]
    grid = Grid.regular(a.shape, (1.0, 1.0, 1.0))
    found = local_histogram.cross_correlation(1.0, a, a, mask, *places, bins, grid, device)
    assert found.shape == a.shape


@pytest.mark.parametrize("seed", range(20))
def test_the_spread_of_large_counts_is_rounded_once(seed: int) -> None:
    random = np.random.default_rng(seed)
    bins = int(random.choice([2, 3, 1000, 65_535]))
    shares = random.random(bins) ** int(random.integers(1, 30))
    _check_moments((shares / shares.sum() * (2.0**31 - 1)).astype(np.uint64))


@pytest.mark.parametrize(
    ("bins", "counts"),
    [
        (3000, [602_270_535, 208_405_205, 471_944_249]),
        (65_535, [223_670_645, 227_111_618, 458_024_374]),
        (3000, [131_489_932, 18_028_376, 95_756_739]),
    ],
)
def test_a_spread_just_above_a_tie_is_rounded_up(bins: int, counts: list[int]) -> None:
    """Its upper 64 bits are half-way between two numbers; what is below them decides."""
    all_counts = np.zeros(bins, np.uint64)
    all_counts[: len(counts)] = counts
    _check_moments(all_counts)


def _check_moments(counts: Any) -> None:
    """The counters start with those of an image too large for a test."""
    bins = len(counts)
    wanted, moments = np.append(counts, np.uint64(0)), np.empty(2)
    codes, mask = np.zeros(1, np.uint8), np.zeros(1, bool)
    EmulatedDevice().launch(
        "local_histogram_bins", "local_histogram_bins_uint8", 1, 256, codes, np.int64(1),
        np.zeros(1), np.ones(1), np.int32(bins), np.int32(0), codes, np.int32(1), mask,
        wanted, moments,
        shared=8 * bins + 4 if bins < 4096 else 4,
    )  # fmt: skip
    total = sum(counts.tolist())
    exact = bins * sum(each * each for each in counts.tolist()) - total * total
    assert moments.tolist() == [float(total), float(exact)]


@pytest.mark.parametrize("seed", range(8))
def test_planes_that_change_little_after_planes_that_change_nothing(seed: int) -> None:
    """Marks of change are cleared by one thread, which may be late: not those of the next plane.

    Only one voxel of a plane is in a bin, in a column of another warp than that thread's.
    """
    a = np.full((24, 40, 33), 99, np.uint8)
    a[3::6, 20, 10] = 1
    module = emulated("local_histogram")
    module.configure(seed=seed + 1, yield_per_mille=700, resident=3)
    try:
        launches = check([1.0, a, a, a < 9, 0.0, 3.0, 3], (1.0, 1.0, 1.0))
    finally:
        module.configure()
    assert "tiles" in launches[-1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_any_schedule(seed: int) -> None:
    a, mask = textured((9, 33, 35), 20)
    modules = [emulated(each) for each in LIBRARIES]
    for module in modules:
        module.configure(seed=seed, yield_per_mille=200, resident=6)
    try:
        check([1.5, a, a, mask, 1.0, 20.0, 150], (1.0, 1.0, 1.0))
        check([6.5, a, a.copy(), mask, 1.0, 20.0, 6], (1.0, 1.0, 1.0))
        part = a[3:6, :20].copy()
        for bins in (260, 4200):
            check([1.5, part, part, mask[3:6, :20].copy(), 1.0, 20.0, bins], (1.0, 1.0, 1.0))
    finally:
        for module in modules:
            module.configure()
