"""Elementary functions: correctly rounded results, special values of C, equal bits everywhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from tests.conformance.backends import NAMES, backend_named
from tests.conformance.on_backend import execute, plan_of, same
from tests.primitives.reference import computed
from voxgpu.backends.base import Backend
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.image import Grid, Image
from voxgpu.primitives import functions
from voxgpu.primitives.define import Definition

Numbers = npt.NDArray[np.float32]

_RANDOM = np.random.default_rng(11)
#: Every kind of float32: all bit patterns, numbers near case distinctions, special ones.
PATTERNS = _RANDOM.integers(0, 2**32, 30_000, dtype=np.uint32).view(np.float32)
NEAR = _RANDOM.uniform(-110, 95, 30_000).astype(np.float32)
ODD = np.array(
    [
        *(0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 2, -2, 3, -3, np.inf, -np.inf, np.nan),
        *(1e-40, -1e-40, 3e38, -3e38, 2**23, 2**24, -(2**24) + 1, 2**31, 1.0000001),
        *(88.72284, 88.722839, -103.97208),
    ],
    np.float32,
)
VOXELS = np.concatenate([PATTERNS, NEAR, ODD]).reshape(1, -1)

#: For pairs: all pairs of special numbers, and plain ones with small exponents.
_BASES, _EXPONENTS = (each.reshape(-1) for each in np.meshgrid(ODD, ODD))
_PLAIN = _RANDOM.uniform(-30, 30, 20_000).astype(np.float32)
_SMALL = np.concatenate([_RANDOM.uniform(-20, 20, 10_000), _RANDOM.integers(-9, 9, 10_000)])
BASES = np.concatenate([_BASES, _PLAIN]).reshape(1, -1)
EXPONENTS = np.concatenate([_EXPONENTS, _SMALL.astype(np.float32)]).reshape(1, -1)

UNARY = {
    functions.square_roots: np.sqrt,
    functions.exponentials: np.exp,
    functions.logarithms: np.log,
    functions.floors: np.floor,
    functions.ceilings: np.ceil,
    functions.rounded: np.rint,
    functions.signs: np.sign,
}


def _rounded_once(function: np.ufunc, *arguments: Numbers) -> Numbers:
    """The value in NumPy's widest floating-point type, rounded to float32."""
    with np.errstate(all="ignore"):
        wide = [each.astype(np.longdouble) for each in arguments]
        result: Numbers = function(*wide).astype(np.float32)
        return result


def _bits(values: Numbers) -> npt.NDArray[np.uint32]:
    """The bits, with all NaN mapped to the same."""
    return np.where(np.isnan(values), np.float32(np.nan), values).view(np.uint32)


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs numbers wider than float64")
@pytest.mark.parametrize("definition", UNARY, ids=lambda each: each.function.__name__)
def test_results_are_the_nearest_float32(definition: Definition) -> None:
    found = computed(definition, VOXELS)
    expected = _rounded_once(UNARY[definition], VOXELS)
    if definition is functions.signs:
        expected = np.where(VOXELS == 0, VOXELS, expected)
    assert np.array_equal(_bits(found), _bits(expected))


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 63, reason="needs numbers wider than float64")
def test_powers_are_the_nearest_float32_and_those_of_c_of_odd_numbers() -> None:
    found = computed(functions.powers, BASES, EXPONENTS)
    assert np.array_equal(_bits(found), _bits(_rounded_once(np.power, BASES, EXPONENTS)))


def test_clamping_keeps_nan() -> None:
    found = computed(functions.clamped, ODD.reshape(1, -1), -1.0, 2.5)
    expected = np.clip(ODD.reshape(1, -1), np.float32(-1), np.float32(2.5))
    assert np.isnan(found).any()
    assert np.array_equal(found, expected, equal_nan=True)


@pytest.fixture(scope="module", params=NAMES)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    with backend_named(request.param) as made:
        yield made


@pytest.mark.slow
@pytest.mark.parametrize(
    "definition", [*UNARY, functions.powers], ids=lambda d: d.function.__name__
)
def test_every_device_computes_the_same_bits(definition: Definition, backend: Backend) -> None:
    first = definition.overloads[0]
    pair = len(first.parameters) == 2
    arrays = [BASES, EXPONENTS] if pair else [VOXELS]
    grid = Grid.regular(arrays[0].shape)
    plan, given = plan_of(first, [Image(each, grid) for each in arrays], grid)
    expected = execute(plan, given, ReferenceBackend())
    found = execute(plan, given, backend)
    for label, value in expected.items():
        assert same(found[label], value), label
