"""Infinities and NaN in images are values, and cause none of NumPy's warnings."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import voxgpu

PROGRAM = """
load v = "v"
let far = 1 / (v - 50) - 1 / (60 - v)
print "spread" stdev(far, tt)
print "mean" avg(far, tt)
print "power" max(exp(v * v) ^ v)
print "root" min(sqrt(0 - v))
print "smooth" max(gaussian(far, 2))
print "middle" median(far, tt)
print "quarter" percentile(far, tt, 25)
print "slope" max(gradient(far))
print "ranks" max(percentiles(far, v > 3, 0.5))
print "likeness" max(crossCorrelation(2, far, far, v > 3, min(v), max(v), 10))
print "labels" label_statistics(mask(v, v < 5), far)
print "of numbers" stdev([1 / 0, 0 - 1 / 0, 2])
"""


@pytest.mark.parametrize("device", ["cpu", "reference"])
@pytest.mark.parametrize("threads", [1, 2])
def test_no_warning_of_numpy_reaches_anybody(device: str, threads: int) -> None:
    array = np.arange(120, dtype=np.float32).reshape(4, 5, 6)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = voxgpu.run(
            PROGRAM, images={"v": array}, device=device, threads=threads, store=None, output=None
        )
    assert np.isnan(result.values["spread"]) and np.isnan(result.values["mean"])
    assert result.values["power"] == np.inf
    found = [str(each.message) for each in caught if issubclass(each.category, RuntimeWarning)]
    assert found == []
