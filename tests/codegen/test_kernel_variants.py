"""Hand-written kernels that are written once for several types of numbers."""

from __future__ import annotations

import numpy as np
import pytest

from voxgpu.codegen.numba_kernels import declared_kernels, kernel


def test_a_kernel_is_declared_for_each_listed_type() -> None:
    found = declared_kernels("local_histogram")
    narrow, wide = found["correlate_tile_uint16"], found["correlate_tile_uint32"]
    assert narrow[0] is wide[0] and "correlate_tile" not in found
    differing = {(a, b) for a, b in zip(narrow[2], wide[2], strict=True) if a != b}
    assert differing == {("uint16*", "uint32*"), ("uint32*", "int64*")}
    assert "bin_float32" in found and "_tile" not in found


@pytest.mark.parametrize("element", [np.uint8, np.uint16])
def test_variants_compute_with_their_types(element: type) -> None:
    values = np.array([0, 1, 1, 255, 200], element)
    mask = np.array([1, 1, 1, 1, 0], np.uint8)
    different = np.iinfo(element).max + 1
    counts = np.zeros(2 * different, np.int64)
    name = f"count_{np.dtype(element)}"
    kernel("percentiles", name)(5, values, mask, different, counts)
    total = counts[:different] + counts[different:]
    assert {place: int(total[place]) for place in np.flatnonzero(total)} == {0: 1, 1: 2, 255: 1}
    with pytest.raises(AssertionError):
        other = np.uint16 if element is np.uint8 else np.uint8
        kernel("percentiles", name)(5, values.astype(other), mask, different, counts)
