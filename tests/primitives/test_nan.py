"""NaN handling of all operations that combine voxels, as stated in their docstrings."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from tests.conformance.backends import NAMES, backend_named
from tests.conformance.on_backend import outcome_of
from voxgpu.image import Grid, Image
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.primitives.primitive import AccessPattern, Primitive, UndefinedValueError
from voxgpu.types import NUMBER_IMAGE, ImageOf

GRID = Grid.regular((1, 2, 4))
#: A NaN within the region, and one outside.
V = np.array([[[3, nan, 1, 5], [2, 8, nan, 4]]], np.float32)
M = np.array([[[True, True, True, True], [True, True, False, True]]])
#: The region without the NaN.
CLEAN = M & ~np.isnan(V)
ALL_NAN = np.full(GRID.shape, nan, np.float32)
INFINITE = np.array([[[inf, -inf, 1, 5], [2, 8, 0, 4]]], np.float32)
LABELS = np.array([[[1, 1, 2, 2], [2, 1, 2, 0]]], np.float32)

#: Name of a primitive: arguments and result; for an error, a part of its text.
CASES: dict[str, list[tuple[list[Any], Any]]] = {
    "volume": [([V > 2], 4.0), ([V <= 2], 2.0), ([np.not_equal(V, V)], 2.0)],
    "minimum": [([V], 1.0), ([ALL_NAN], nan), ([INFINITE], -inf)],
    "maximum": [([V], 8.0), ([ALL_NAN], nan), ([INFINITE], inf)],
    "average": [
        ([V, M], nan),
        ([V, CLEAN], 23 / 6),
        ([INFINITE, M], nan),
        ([INFINITE, INFINITE > 5], inf),
    ],
    "masked_standard_deviation": [
        ([V, M], nan),
        ([V, CLEAN], float(np.std([3, 1, 5, 2, 8, 4], ddof=1))),
        ([INFINITE, M], nan),
    ],
    "masked_median": [([V, M], nan), ([V, CLEAN], 3.5), ([INFINITE, M], 4.0)],
    "masked_percentile": [([V, M, 50.0], nan), ([V, CLEAN, 100.0], 8.0)],
    "histogram": [
        ([V, M, 0.0, 8.0, 2.0], (3.0, 3.0)),
        ([ALL_NAN, M, 0.0, 8.0, 2.0], (0.0, 0.0)),
        ([V, M, nan, 8.0, 2.0], "finite|bound"),
    ],
    "label_statistics": [
        ([LABELS, V], ((1.0, 3.0, nan, nan, 3.0, 8.0), (2.0, 4.0, nan, nan, 1.0, 5.0))),
        ([V, LABELS], "whole numbers"),
    ],
    "relabel": [([V], "whole numbers")],
    "percentiles": [
        ([V, M, 0.0], np.float32([[[2, 0, 0, 4], [1, 5, -7, 3]]]) / np.float32(7)),
        ([V, M, 1.0], np.float32([[[3, 0, 1, 5], [2, 6, -7, 4]]]) / np.float32(7)),
    ],
    "otsu": [
        ([V, M, 2.0], np.array([[[False, False, False, True], [False, True, False, False]]])),
        ([ALL_NAN, M, 2.0], "no voxel in `mask` has a finite value"),
    ],
    "cross_correlation": [
        # NaN is in no bin, just like numbers out of range.
        (
            [1.0, V, V, M, 0.0, 9.0, 3.0],
            ("as", [1.0, *2 * [np.where(np.isnan(V), 99, V)], M, 0.0, 9.0, 3.0]),
        ),
    ],
    "gradient": [
        ([V], ("nan at", [[[1, 1, 1, 0], [0, 1, 1, 1]]])),
    ],
    "gaussian": [([V, 0.25], ("nan at", [[[1, 1, 1, 1], [1, 1, 1, 1]]]))],
    "median_filter": [([V, 1.0], ("nan at", [[[1, 1, 1, 1], [1, 1, 1, 1]]]))],
    "n4": [
        ([V, M], ("nan at", np.isnan(V))),
        ([ALL_NAN, M], "finite"),
    ],
    "resample": [([V, V], ("nan at", np.isnan(V)))],
    "resample_by": [
        ([V, V, "nearest"], ("nan at", np.isnan(V))),
        ([V, V, "bspline"], ("nan at", np.ones_like(M))),
    ],
    "resample_to": [([V, 1.0], ("nan at", np.isnan(V)))],
    "resample_to_by": [([V, 1.0, "bspline"], ("nan at", np.ones_like(M)))],
}

#: Primitives that move voxels or map each one alone.
ALONE = {"divide_by_number_imgql1", "rgb", "rgba", "extract", "slice_volume"}
#: Overloads documented to be the same as the previous one.
LIKE_ANOTHER = {"resample_like_region", "resample_region"}
LIKE_ANOTHER |= {"resample_to_each", "resample_to_each_by"}


def _function(primitive: Primitive) -> str:
    return primitive.name.partition("(")[0]


REDUCING = [
    each
    for each in standard_primitives()
    if each.shape in (AccessPattern.REDUCTION, AccessPattern.WHOLE_IMAGE)
    and (_function(each) == "volume" or any(p.type == NUMBER_IMAGE for p in each.parameters))
    and _function(each) not in ALONE | LIKE_ANOTHER
]


def test_every_reduction_is_here() -> None:
    assert {_function(each) for each in REDUCING} == set(CASES)
    assert len(CASES) >= 20


@pytest.mark.parametrize("primitive", REDUCING, ids=_function)
def test_the_docstring_says_it(primitive: Primitive) -> None:
    assert "NaN" in primitive.doc


@pytest.fixture(scope="module", params=["reference", *NAMES])
def backend(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "reference":
        yield None
        return
    with backend_named(request.param) as made:
        yield made


def _outcome(primitive: Primitive, given: list[Any], backend: Any) -> Any:
    arguments = [Image(each, GRID) if isinstance(each, np.ndarray) else each for each in given]
    if backend is not None:
        return outcome_of(primitive, arguments, GRID, backend)
    try:
        return primitive.reference(arguments, GRID if primitive.makes_image else None)
    except UndefinedValueError as problem:
        return problem


@pytest.mark.parametrize("primitive", REDUCING, ids=_function)
def test_it_is_done(backend: Any, primitive: Primitive) -> None:
    for given, expected in CASES[_function(primitive)]:
        found = _outcome(primitive, given, backend)
        if isinstance(expected, str):
            assert isinstance(found, Exception)
            assert any(part in str(found) for part in expected.split("|")), found
            continue
        if isinstance(expected, tuple) and expected[0] == "as":
            expected = _outcome(primitive, expected[1], None).array
        if isinstance(expected, tuple) and expected[0] == "nan at":
            assert np.array_equal(np.isnan(found.array), np.array(expected[1], bool))
            continue
        value = found.array if isinstance(primitive.result, ImageOf) else found
        np.testing.assert_array_equal(value, expected)


@pytest.mark.slow
def test_n4_finds_the_same_field_without_voxels_that_are_not_finite() -> None:
    grid = Grid.regular((16, 17, 18))
    z = np.indices(grid.shape)[0]
    texture = np.random.default_rng(3).choice([100, 150], grid.shape)
    v = (texture * (1 + z / 32)).astype(np.float32)
    odd = v.copy()
    odd[::4, ::4, ::4] = nan
    odd[2, 2, 2], odd[4, 2, 2] = inf, -inf
    (n4,) = [each for each in REDUCING if _function(each) == "n4"]
    everywhere, finite = np.ones(grid.shape, bool), np.isfinite(odd)
    found, clean = (
        n4.reference([Image(voxels, grid), Image(mask, grid)], grid)
        for voxels, mask in ((odd, everywhere), (v, finite))
    )
    assert isinstance(found, Image)
    assert isinstance(clean, Image)
    assert np.array_equal(found.array[finite], clean.array[finite])
    assert np.array_equal(np.isnan(found.array), np.isnan(odd))
    assert (found.array[2, 2, 2], found.array[4, 2, 2]) == (inf, -inf)
