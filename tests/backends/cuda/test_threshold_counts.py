"""The threshold count kernels, emulated, equal single comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.backends.cuda.images import any_schedule, as_float32, images
from tests.cuda_emulator.device import EmulatedDevice
from tests.strategies import law
from voxgpu.backends.cuda.threshold_counts import count_thresholds
from voxgpu.codegen.integers import WHOLE
from voxgpu.primitives.internal import OPERATORS, threshold_count

NUMBERS = st.sampled_from([0.0, -0.0, 1.0, 0.5, 3.0, -2.0, 8192.0, 1e30, -1e30, 1e300]) | (
    st.sampled_from([np.inf, -np.inf, np.nan, 1e-42, 16777217.0]) | st.floats(width=32)
)
COMPARISONS = st.lists(st.tuples(st.sampled_from(sorted(OPERATORS)), NUMBERS), min_size=1)


def check(v: Any, comparisons: Any, device: EmulatedDevice | None = None) -> list[str]:
    """Compares with the reference; returns the kernels that were launched."""
    device = device or EmulatedDevice()
    read = as_float32(v)
    wanted = [threshold_count.function(read, n, operator) for operator, n in comparisons]
    found = count_thresholds(v, comparisons, device)
    assert found.dtype == np.float64
    assert found.tolist() == wanted
    assert len(device.launches) <= 3
    return device.launches


@pytest.mark.slow
@given(images(), COMPARISONS)
@law(200)
def test_elements_shapes_and_odd_numbers(case: Any, comparisons: Any) -> None:
    # Integers of 32 and 64 bits are counted by generated kernels.
    assume(case[0].dtype.name not in WHOLE)
    check(case[0], comparisons)


@pytest.mark.parametrize("element", ["int8", "uint8", "int16", "uint16", "float64", "float32"])
def test_a_larger_image(element: str) -> None:
    random = np.random.default_rng(0)
    v = random.normal(50, 20, (40, 39, 41)).clip(0, 120).astype(element)
    v[:, :, :13] = 0
    comparisons = [(name, t) for t in (-1.0, 0.0, 17.0, 49.5, 120.0) for name in OPERATORS]
    launches = check(v, comparisons)
    assert launches[-1] == "threshold_counts_sum"


@pytest.mark.parametrize("many", [1, 2, 127, 128, 2047, 2048, 3000])
def test_many_thresholds(many: int) -> None:
    random = np.random.default_rng(many)
    numbers = random.normal(size=many).astype(np.float32)
    v = np.concatenate((random.choice(numbers, 900), random.normal(size=700).astype("f4")))
    v[::50] = np.nan
    names = sorted(OPERATORS)
    comparisons = [(names[i % len(names)], float(each)) for i, each in enumerate(numbers)]
    launches = check(v.reshape(1, 40, 40), comparisons)
    assert launches == ["threshold_counts_rank", "threshold_counts_sum"]


def test_nothing_compares_with_nan() -> None:
    v = np.float32([[1.0, np.nan, np.inf]])
    assert check(v, [(name, np.nan) for name in OPERATORS]) == ["threshold_counts_sum"]


def test_values_of_all_bits() -> None:
    """Most of them find no counter of their own."""
    v = np.random.default_rng(0).integers(-(1 << 15), 1 << 15, (20, 21, 32)).astype(np.int16)
    check(v, [(name, n) for n in (-32768.0, 32767.0, 0.5, -1e9) for name in OPERATORS])


@pytest.mark.parametrize("seed", range(4))
def test_any_schedule(seed: int) -> None:
    random = np.random.default_rng(seed)
    some = [("less", 0.1), ("equal", 0.0), ("greater", 1.5), ("not_equal", 300.0)]
    many = [("less_equal", float(each)) for each in random.normal(size=2100)]
    with any_schedule(("percentiles", "threshold_counts"), seed) as modules:
        for element in ("uint8", "int16", "float32"):
            v = (random.normal(size=(9, 33, 35)) * 5).clip(0).astype(element)
            v[::3] *= 7
            check(v, some, EmulatedDevice(modules))
        check(v, many, EmulatedDevice(modules))
