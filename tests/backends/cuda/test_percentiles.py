"""The percentile kernels, emulated, equal the reference bitwise, for every element."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.backends.cuda.images import any_schedule, images
from tests.cuda_emulator.device import EmulatedDevice
from tests.strategies import law
from voxgpu.backends.cuda.percentiles import ON_HOST, compared_percentiles, percentiles
from voxgpu.codegen.integer_interpreter import to_kernel_dtype
from voxgpu.primitives.intensity_ranks import percentiles as reference
from voxgpu.primitives.internal import OPERATORS, compare

LIBRARIES = ("percentiles", "percentiles_sort", "percentiles_runs")

SHARES = st.sampled_from([0.0, 0.5, 1.0, 0.3, -2.0, 1e300, np.inf, -np.inf, np.nan]) | st.floats(
    0, 1
)

#: The first and the last bit pattern of NaN, of either sign, among numbers.
NANS = np.array(
    [[0x7F800001, 0x40000000, 0x7FFFFFFF, 0xFF800001, 0x3F800000, 0xFFFFFFFF]], np.uint32
)

COUNTED = ["histogram", "ranks", "look_up"]
SORTED = [
    "percentiles_runs_keys_ranks",
    *["percentiles_sort_count", "percentiles_sort_scan", "percentiles_sort_scatter"] * 4,
    "percentiles_runs_ranks",
]


def expected(v: Any, mask: Any, c: float) -> Any:
    return reference.function(to_kernel_dtype(v), mask, c)


def check(v: Any, mask: Any, c: float, device: EmulatedDevice | None = None) -> list[str]:
    """Compares bitwise; returns the kernels that were launched."""
    device = device or EmulatedDevice()
    found, wanted = percentiles(v, mask, c, device), expected(v, mask, c)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert found.tobytes() == wanted.tobytes()
    return device.launches


def check_comparisons(
    v: Any, mask: Any, c: float, comparisons: Any, device: EmulatedDevice | None = None
) -> list[str]:
    device = device or EmulatedDevice()
    ranks = expected(v, mask, c)
    found = compared_percentiles(v, mask, c, comparisons, device)
    for (operator, n), each in zip(comparisons, found, strict=True):
        wanted = compare(operator, ranks, n)
        assert (each.dtype, each.shape) == (wanted.dtype, wanted.shape)
        assert each.tobytes() == wanted.tobytes()
    return device.launches


@given(images(), SHARES)
@example((np.float32([[0.0, -0.0, 1.0]]), np.ones((1, 3), bool)), 0.5)
@example((np.float32([[np.nan, np.inf, -np.inf, 1.0]]), np.ones((1, 4), bool)), 0.5)
@example((NANS.view(np.float32), np.ones((1, 6), bool)), 0.5)
@example((np.float32([[np.nan, np.nan]]), np.ones((1, 2), bool)), 1.0)
@example((np.float64([[1e300, np.inf, 1e-300, 0.0]]), np.ones((1, 4), bool)), 0.5)
@example((np.int32([[16777216, 16777217, 5]]), np.ones((1, 3), bool)), 0.5)
@example((np.int16([[-32768, 32767, -1, 0]]), np.ones((1, 4), bool)), 0.3)
@law(120)
def test_elements_shapes_and_odd_numbers(case: Any, c: float) -> None:
    assume(case[0].dtype.name not in ON_HOST)
    check(*case, c)


@given(images(), SHARES, st.data())
@law(60)
def test_comparisons(case: Any, c: float, data: Any) -> None:
    assume(case[0].dtype.name not in ON_HOST)
    met = [float(each) for each in np.unique(expected(*case, c))[:4]]
    numbers = st.sampled_from([*met, -1.0, 0.0, -0.0, 0.5, 1e300, np.nan, -np.inf])
    pairs = st.tuples(st.sampled_from(sorted(OPERATORS)), numbers)
    check_comparisons(*case, c, data.draw(st.lists(pairs, min_size=1, max_size=10)))


def blob(element: str, shape: tuple[int, ...] = (40, 41, 39)) -> tuple[Any, Any]:
    """Tissue with noise on a background of zeros, and a mask that includes some of both."""
    random = np.random.default_rng(1)
    places = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    radius = np.sqrt(sum(place**2 for place in places))
    v = np.where(radius < 0.8, 90 - 60 * radius + 6 * random.normal(size=shape), 0)
    return v.astype(element), (radius < 0.9) & (random.random(shape) < 0.7)


@pytest.mark.parametrize("element", ["int8", "uint8", "int16", "uint16"])
def test_a_blob_of_small_integers_takes_three_launches(element: str) -> None:
    v, mask = blob(element)
    launches = check(v, mask, 0.5)
    bits = 8 * v.dtype.itemsize
    assert launches == [
        f"percentiles_histogram_{bits}",
        "percentiles_ranks",
        f"percentiles_look_up_{bits}",
    ]
    comparisons = [(name, n) for n in (0.93,) for name in OPERATORS]
    launches = check_comparisons(v, mask, 0.5, comparisons)
    assert launches[1:] == ["percentiles_truths", f"percentiles_decide_{bits}"]


@pytest.mark.parametrize("element", ["int32", "float32", "float64"])
def test_a_blob_of_numbers_is_sorted(element: str) -> None:
    v, mask = blob(element)
    launches = check(v, mask, 0.3)
    first = ["percentiles_numbers"] if element == "float64" else []
    made = SORTED if element != "int32" else ["percentiles_runs_whole_ranks", *SORTED[1:]]
    assert launches == [*first, *made]


def test_a_number_compared_once_or_many_times() -> None:
    v, mask = blob("float32")
    ranks = expected(v, mask, 0.5)
    met = [float(each) for each in ranks[mask][:2]]
    once = check_comparisons(v, mask, 0.5, [("greater", met[0])])
    assert once[0] == "percentiles_runs_keys_truths"
    assert "percentiles_compare" not in once
    often = check_comparisons(v, mask, 0.5, [(name, n) for n in met for name in OPERATORS])
    assert often.count("percentiles_compare") == 2


@pytest.mark.parametrize("value", [0, 7, -32768, 32767])
@pytest.mark.parametrize("element", ["int16", "float32"])
def test_constant_images(value: int, element: str) -> None:
    v = np.full((17, 20, 31), value, element)
    check(v, v == value, 0.5)
    check(v, v != value, 0.5)


def test_runs_longer_than_tiles() -> None:
    """Equal numbers that begin and end within tiles, at their bounds, and tiles away."""
    lengths = [1, 1023, 1, 1024, 2047, 5000, 1, 1, 3000, 1024 * 9, 700, 2]
    v = np.repeat(np.arange(len(lengths), dtype=np.float32), lengths)
    random = np.random.default_rng(0)
    random.shuffle(v)
    check(v.reshape(1, -1), np.ones((1, len(v)), bool), 0.3)


@pytest.mark.parametrize("size", [2047, 2048, 2049, 4095, 4096, 4097, 65_537])
def test_numbers_of_all_bits(size: int) -> None:
    bits = np.random.default_rng(size).integers(0, 1 << 32, (1, size), np.uint32)
    check(bits.view(np.float32), bits % 7 != 0, 0.5)


def few_blocks(device: EmulatedDevice) -> EmulatedDevice:
    """The device with so few multiprocessors that each block processes several tiles."""
    device.multiprocessors = 1  # type: ignore[misc]
    return device


@pytest.mark.parametrize("element", ["int16", "float32"])
def test_several_tiles_a_block(element: str) -> None:
    v, _ = blob(element)
    mask = np.ones(v.shape, bool)
    check(v, mask, 0.3, few_blocks(EmulatedDevice()))
    check_comparisons(v, mask, 0.3, [("greater", 0.9)], few_blocks(EmulatedDevice()))


@pytest.mark.parametrize("element", ["int16", "uint16"])
def test_values_of_all_bits(element: str) -> None:
    """Most of them find no counter of their own."""
    v = np.random.default_rng(0).integers(0, 1 << 16, (30, 31, 32), np.uint16).view(element)
    check(v, v % 3 != 0, 0.5)


def test_nothing_is_compared() -> None:
    v, mask = blob("int16", (3, 3))
    assert compared_percentiles(v, mask, 0.5, [], EmulatedDevice()) == []


def test_inputs_are_left_alone() -> None:
    v, mask = blob("float32", (5, 6, 7))
    before = v.tobytes(), mask.tobytes()
    check(v, mask, 0.5)
    assert (v.tobytes(), mask.tobytes()) == before


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_any_schedule(seed: int) -> None:
    with any_schedule(LIBRARIES, seed) as modules:
        for element in ("uint8", "int16", "float32"):
            v, mask = blob(element, (19, 40, 45))
            if element == "int16":
                v[::2] *= 300  # so that some find no counter
            check(v, mask, 0.5, EmulatedDevice(modules))
            check(v, v >= 0, 0.5, few_blocks(EmulatedDevice(modules)))
            comparisons = [("less", 0.5), ("greater_equal", 0.9)]
            for asked in (comparisons, comparisons[:1]):
                check_comparisons(v, mask, 0.5, asked, EmulatedDevice(modules))
