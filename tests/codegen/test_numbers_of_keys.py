"""The least and the greatest number of an image, which kernels find by integer keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.conformance.on_backend import outcome_of, same
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.image import Grid, Image
from voxgpu.primitives.reductions import maximum, minimum

NAN, INF = np.nan, np.inf

NUMBERS = {
    "nothing but NaN": [NAN, -NAN, NAN, NAN],
    "NaN and a number": [NAN, 2.0, NAN, NAN],
    "zeros of both signs": [-0.0, 0.0, -0.0, 0.0],
    "negative zeros": [-0.0, -0.0, -0.0, -0.0],
    "infinite": [INF, NAN, -INF, INF],
    "negative": [-3.0, -1e-45, -3.4e38, -2.0],
}


@pytest.mark.parametrize("definition", [minimum, maximum], ids=["minimum", "maximum"])
@pytest.mark.parametrize("numbers", NUMBERS.values(), ids=NUMBERS.keys())
def test_what_a_kernel_finds_is_what_the_reference_does(definition: Any, numbers: Any) -> None:
    grid = Grid.regular((1, 2, 2))
    image = Image(np.array(numbers, np.float32).reshape(1, 2, 2), grid)
    (primitive,) = definition.overloads
    cpu = Cpu(1)
    try:
        found = outcome_of(primitive, [image], grid, cpu)
    finally:
        cpu.close()
    expected = outcome_of(primitive, [image], grid, ReferenceBackend())
    assert same(found, expected)
    assert np.signbit(found) == np.signbit(expected) or np.isnan(expected)
