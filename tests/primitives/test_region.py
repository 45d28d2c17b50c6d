"""Cropped images have the right voxels, and the right position in space."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from tests.primitives.reference import applied, computed
from voxgpu.image import Grid, Image
from voxgpu.primitives import region
from voxgpu.primitives.primitive import UndefinedValueError

VOLUME = np.arange(3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)


def turned(shape):
    """A grid with unequal spacing, off the origin and rotated about z."""
    c, s = math.cos(0.3), math.sin(0.3)
    return Grid(shape, (2.0, 0.5, 0.7), (10.0, -20.0, 30.0), (c, -s, 0, s, c, 0, 0, 0, 1.0))


@st.composite
def boxes(draw):
    """Size and index, (x, y, z), within VOLUME."""
    size, index = [], []
    for available in reversed(VOLUME.shape):
        size.append(draw(st.integers(1, available)))
        index.append(draw(st.integers(0, available - size[-1])))
    return tuple(map(float, size)), tuple(map(float, index))


@given(boxes())
def test_a_box_is_that_of_simpleitk(box):
    size, index = box
    grid = turned(VOLUME.shape)
    itk = sitk.GetImageFromArray(VOLUME)
    itk.SetOrigin(grid.origin)
    itk.SetSpacing(grid.spacing[::-1])
    itk.SetDirection(grid.direction)
    part = sitk.RegionOfInterest(itk, [int(each) for each in size], [int(each) for each in index])
    (primitive,) = region.extract.overloads
    result = applied(primitive, [Image(VOLUME, grid), size, index])
    assert result.array.ravel().tolist() == sitk.GetArrayFromImage(part).ravel().tolist()
    assert result.array.shape == sitk.GetArrayFromImage(part).shape
    assert result.grid.origin == pytest.approx(part.GetOrigin())
    assert result.grid.direction == part.GetDirection()
    assert result.grid.spacing == part.GetSpacing()[::-1]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_those_of_the_array_and_keep_their_place(axis):
    grid = turned(VOLUME.shape)
    for index in range(VOLUME.shape[2 - axis]):
        expected = np.take(VOLUME, [index], axis=2 - axis)
        assert np.array_equal(computed(region.slice_volume, VOLUME, axis, index), expected)
        truth = computed(region.slice_volume_truth, VOLUME > 30, axis, index)
        assert np.array_equal(truth, expected > 30)
        part = region.slice_grid(grid, axis, index)
        first = tuple(index if each == 2 - axis else 0 for each in range(3))
        assert part.origin == pytest.approx(grid.position(first))
        assert (part.spacing, part.direction) == (grid.spacing, grid.direction)
        assert part.shape == expected.shape


def test_boxes_of_truth_and_colors():
    truth = computed(region.extract_truth, VOLUME > 30, (2.0, 2.0, 2.0), (3.0, 1.0, 0.0))
    assert truth.dtype == np.bool_
    assert np.array_equal(truth, VOLUME[0:2, 1:3, 3:5] > 30)
    colors = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    part = computed(region.extract_colors, colors, (2.0, 1.0), (3.0, 2.0))
    assert part.dtype == np.uint8
    assert np.array_equal(part, colors[2:3, 3:5])


@pytest.mark.parametrize(
    ("size", "index"),
    [
        ((6, 1, 1), (0, 0, 0)),
        ((5, 4, 3), (0, 0, 1)),
        ((0, 1, 1), (0, 0, 0)),
        ((1, 1, 1), (-1, 0, 0)),
        ((1.5, 1, 1), (0, 0, 0)),
        ((1, 1, 1), (0, 0.5, 0)),
        ((math.nan, 1, 1), (0, 0, 0)),
        ((math.inf, 1, 1), (0, 0, 0)),
    ],
    ids=str,
)
def test_boxes_beyond_the_image(size, index):
    with pytest.raises(UndefinedValueError, match="does not lie within an image of 5×4×3 voxels"):
        region.extracted_grid(turned(VOLUME.shape), size, index)


def test_a_box_needs_a_number_for_each_axis():
    with pytest.raises(
        UndefinedValueError, match="`size` needs 3 numbers for an image of 5×4×3 voxels"
    ):
        region.extracted_grid(turned(VOLUME.shape), (1.0, 1.0), (0.0, 0.0, 0.0))
    with pytest.raises(
        UndefinedValueError, match="`index` needs 2 numbers for an image of 5×4 voxels"
    ):
        region.extracted_grid(Grid.regular((4, 5)), (1.0, 1.0), (0.0, 0.0, 0.0))


@pytest.mark.parametrize(
    ("shape", "axis", "index", "message"),
    [
        ((4, 5), 0, 0, "only a 3-D image has slices"),
        ((3, 4, 5), 3, 0, "`axis` must be 0 for x, 1 for y or 2 for z, not 3"),
        ((3, 4, 5), 0.5, 0, "`axis` must be"),
        ((3, 4, 5), 0, 5, "no slice 5 across x in an image of 5×4×3 voxels"),
        ((3, 4, 5), 2, -1, "no slice -1 across z"),
        ((3, 4, 5), 1, 0.5, r"no slice 0\.5 across y"),
    ],
)
def test_slices_that_are_not_there(shape, axis, index, message):
    with pytest.raises(UndefinedValueError, match=message):
        region.slice_grid(Grid.regular(shape), axis, index)
