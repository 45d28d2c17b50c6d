"""Every primitive that has a kernel equals the reference, on the device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from tests.backends.cuda.programs import EVERYTHING, assert_same, run, write_image
from tests.conformance.on_backend import outcome_of, same
from tests.conformance.test_every_primitive import (
    ELEMENTS,
    ELEMENTS_ON_GPU,
    PRIMITIVES,
    arguments,
)
from tests.hardware.conftest import IS_REHEARSAL
from tests.strategies import law
from voxgpu.backends.base import Backend
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.image import Grid
from voxgpu.primitives.primitive import Primitive

pytestmark = pytest.mark.gpu

#: NVRTC compiles a kernel in milliseconds, so that all combinations of elements are tried.
TRIED = ELEMENTS_ON_GPU if IS_REHEARSAL else ELEMENTS


@pytest.mark.parametrize("primitive", PRIMITIVES, ids=lambda each: each.name)
def test_a_primitive_comes_to_what_the_reference_says(
    primitive: Primitive, backend: Backend
) -> None:
    @given(arguments(primitive, TRIED))
    @law(5 if IS_REHEARSAL else 100)
    def check(drawn: tuple[list[Any], Grid]) -> None:
        values, grid = drawn
        with np.errstate(all="ignore"):
            expected = outcome_of(primitive, values, grid, ReferenceBackend())
        found = outcome_of(primitive, values, grid, backend)
        assert same(found, expected), (found, expected)

    check()


@pytest.mark.usefixtures("desk")
def test_everything_at_once() -> None:
    from pathlib import Path

    write_image(Path("v.nii"), (17, 33, 70))
    found = run(EVERYTHING, "cuda:0")
    assert not found.errors
    assert_same(found, run(EVERYTHING, "reference"))
