"""The checked kernels detect accesses out of bounds."""

from __future__ import annotations

import numpy as np
import pytest

from tests.backends.cpu.checked import Checked, checked_kernel, checked_kernels
from voxgpu.backends.cpu import dilation
from voxgpu.codegen import numba_kernels


def test_elements_beside_an_array_are_not_there() -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    shown = Checked(array)
    shown[5] = 40_000
    assert (shown[5], array[1, 2]) == (40_000 - (1 << 16), 40_000 - (1 << 16))
    for place in (-1, 6):
        with pytest.raises(AssertionError, match=f"reads element {place} of 6"):
            shown[place]
        with pytest.raises(AssertionError, match=f"writes element {place} of 6"):
            shown[place] = 1


def test_a_kernel_that_is_told_too_much_is_noticed() -> None:
    count = checked_kernel("percentiles", "count_uint8")
    values, counts = np.zeros(4, np.uint8), np.zeros(512, np.int64)
    count(4, values, values, 256, counts)
    with pytest.raises(AssertionError, match="reads element 4 of 4"):
        count(5, values, values, 256, counts)


def test_whoever_calls_a_kernel_calls_the_checked_one() -> None:
    compiled = numba_kernels.kernel
    with checked_kernels():
        assert dilation.kernel is numba_kernels.kernel is checked_kernel
    assert dilation.kernel is numba_kernels.kernel is compiled
