"""Surface distances, compared with an exhaustive search over pairs of surface voxels."""

from __future__ import annotations

from itertools import product
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.strategies import law
from voxgpu.image import Grid, Image
from voxgpu.primitives.catalogue import catalogue, standard_primitives
from voxgpu.primitives.primitive import UndefinedValueError, ValueWithWarning

NAMES = catalogue(standard_primitives())
MEASURES = ("hd", "hd95", "assd")


def _of(name: str, a: np.ndarray, b: np.ndarray, spacing: tuple[float, ...], *more: float) -> float:
    grid = Grid.regular(a.shape, spacing)
    (primitive,) = NAMES[name]
    value = primitive.reference([Image(a, grid), Image(b, grid), *more], None)
    if isinstance(value, ValueWithWarning):
        value = value.value
    assert isinstance(value, float)
    return value


def _surface(mask: np.ndarray) -> list[tuple[int, ...]]:
    found = []
    for index in product(*map(range, mask.shape)):
        if not mask[index]:
            continue
        for axis, step in product(range(mask.ndim), (-1, 1)):
            place = list(index)
            place[axis] += step
            inside = 0 <= place[axis] < mask.shape[axis]
            if not inside or not mask[tuple(place)]:
                found.append(index)
                break
    return found


def _directed(a: np.ndarray, b: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    here, there = (np.array(_surface(each)) * spacing for each in (a, b))
    return np.array([np.sqrt(((there - point) ** 2).sum(axis=1)).min() for point in here])


def _by_pairs(
    a: np.ndarray, b: np.ndarray, spacing: tuple[float, ...], mm: float
) -> dict[str, float]:
    to, back = _directed(a, b, spacing), _directed(b, a, spacing)
    both = [*to, *back]
    return {
        "hd": max(both),
        "hd95": max(float(np.percentile(to, 95)), float(np.percentile(back, 95))),
        "assd": sum(both) / len(both),
        "nsd": sum(each <= mm for each in both) / len(both),
    }


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    shape = draw(st.sampled_from([(1, 1), (5, 4), (4, 4, 5), (1, 6, 2)]))
    masks = arrays.arrays(bool, shape) | st.booleans().map(lambda value: np.full(shape, value))
    widths = st.sampled_from([1.0, 0.5, 3.0, 0.9375])
    return draw(masks), draw(masks), tuple(draw(widths) for _ in shape)


@given(case=cases(), mm=st.sampled_from([0.0, 1.0, 2.5]))
@law(120)
def test_distances_are_those_of_all_pairs(
    case: tuple[np.ndarray, np.ndarray, tuple[float, ...]], mm: float
) -> None:
    a, b, spacing = case
    if not a.any() or not b.any():
        assert all(isnan(_of(name, a, b, spacing)) for name in MEASURES)
        assert isnan(_of("nsd", a, b, spacing, mm))
        return
    expected = _by_pairs(a, b, spacing, mm)
    for name in MEASURES:
        assert _of(name, a, b, spacing) == pytest.approx(expected[name], rel=1e-12), name
        assert _of(name, a, b, spacing) == pytest.approx(_of(name, b, a, spacing), rel=1e-12)
    assert _of("nsd", a, b, spacing, mm) == pytest.approx(expected["nsd"])


def test_equal_regions_are_at_no_distance() -> None:
    mask = np.zeros((6, 6, 6), dtype=bool)
    mask[1:4, 2:5, 2:3] = True
    assert [_of(name, mask, mask, (1.0, 1.0, 1.0)) for name in MEASURES] == [0, 0, 0]
    assert _of("nsd", mask, mask, (1.0, 1.0, 1.0), 0.0) == 1


def test_a_negative_tolerance_has_no_value() -> None:
    mask = np.ones((2, 2), dtype=bool)
    with pytest.raises(UndefinedValueError, match="tolerance"):
        _of("nsd", mask, mask, (1.0, 1.0), -1.0)


def test_scipy_agrees_on_the_hausdorff_distance() -> None:
    from scipy.spatial.distance import directed_hausdorff

    random = np.random.default_rng(7)
    a, b = (random.random((9, 10, 11)) < 0.02 for _ in range(2))
    spacing = (1.5, 0.7, 1.1)
    points = [np.argwhere(each) * spacing for each in (a, b)]
    expected = max(directed_hausdorff(*points)[0], directed_hausdorff(*points[::-1])[0])
    # Regions this sparse are their own surfaces.
    assert _of("hd", a, b, spacing) == pytest.approx(expected)
