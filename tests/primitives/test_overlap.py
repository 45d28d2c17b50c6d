"""Overlap measures compared with counts voxel by voxel; undefined ones are NaN with a warning."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import voxgpu
from tests.strategies import law
from voxgpu.image import Grid, Image
from voxgpu.primitives.catalogue import catalogue, standard_primitives
from voxgpu.primitives.primitive import ValueWithWarning

NAMES = catalogue(standard_primitives())
SHAPES = st.sampled_from([(1, 1), (4, 3), (3, 4, 5), (1, 6, 2)])


def _of(name: str, *arguments: object) -> object:
    (primitive,) = NAMES[name]
    return primitive.reference(list(arguments), None)  # type: ignore[arg-type]


def _number(value: object) -> float:
    return float(value.value if isinstance(value, ValueWithWarning) else value)  # type: ignore[arg-type]


@st.composite
def pairs(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    shape = draw(SHAPES)
    masks = arrays.arrays(bool, shape) | st.booleans().map(lambda value: np.full(shape, value))
    return draw(masks), draw(masks)


def _counted(a: np.ndarray, b: np.ndarray) -> dict[str, tuple[int, int]]:
    """Each overlap as a fraction, counted voxel by voxel."""
    both = neither = found = truth = 0
    for mine, right in zip(a.ravel().tolist(), b.ravel().tolist(), strict=True):
        both += mine and right
        neither += not mine and not right
        found += mine
        truth += right
    return {
        "dice": (2 * both, found + truth),
        "jaccard": (both, found + truth - both),
        "sensitivity": (both, truth),
        "specificity": (neither, a.size - truth),
    }


@given(masks=pairs())
@law(150)
def test_overlaps_are_counts(masks: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = masks
    grid = Grid.regular(a.shape)
    for name, (part, whole) in _counted(a, b).items():
        value = _of(name, Image(a, grid), Image(b, grid))
        assert isinstance(value, ValueWithWarning) == (whole == 0), name
        if whole:
            assert value == part / whole, name
        else:
            assert isnan(_number(value))


def test_volume_is_in_mm() -> None:
    b = np.zeros((2, 3, 4), dtype=bool)
    b[0, 0, :3] = True
    assert _of("volume_mm3", Image(b, Grid.regular(b.shape, (3.0, 2.0, 0.5)))) == 9.0


@pytest.mark.parametrize("name", ["dice", "jaccard", "hd", "hd95", "assd"])
def test_nothing_to_measure_is_a_warning_with_its_place(name: str, head: str) -> None:
    program = f'load v = "{head}"\nlet none = v >. 1000\nprint "m" {name}(none, none)\n'
    result = voxgpu.run(program)
    assert isnan(result.values["m"])  # type: ignore[arg-type]
    (warning,) = result.warnings
    assert warning.code == "W302"
    assert warning.span is not None
    assert warning.span.source.line_and_column(warning.span.start) == (3, 11)
    assert not result.errors


@pytest.fixture
def head(tmp_path: object) -> str:
    import SimpleITK as sitk

    path = f"{tmp_path}/v.nii.gz"
    sitk.WriteImage(sitk.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5)), path)
    return path
