"""Bounding boxes, centers and label tables, compared with plain loops over voxels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.primitives.images import masks, numbers, shapes
from tests.primitives.reference import applied, computed
from voxgpu.image import Grid, Image
from voxgpu.primitives.primitive import UndefinedValueError
from voxgpu.primitives.shape import (
    bounding_box,
    center_of_mass,
    center_of_mass_mm,
    label_statistics,
    relabel,
)

regions = shapes.flatmap(masks).filter(lambda b: b.any())
names = st.sampled_from([0.0, 1.0, 2.0, 7.0, -3.0])
labeled = shapes.flatmap(
    lambda shape: st.tuples(numbers(shape, names), numbers(shape, st.integers(-9, 9).map(float)))
)


@given(regions)
def test_boxes_and_centers_are_those_of_the_true_voxels(b):
    places = np.argwhere(b)[:, ::-1]
    first, size = computed(bounding_box, b)
    assert list(first) == places.min(0).tolist()
    assert list(size) == (places.max(0) - places.min(0) + 1).tolist()
    assert computed(center_of_mass, b) == pytest.approx(places.mean(0).tolist())


def test_centers_in_mm_are_where_simpleitk_puts_them():
    import SimpleITK as sitk

    from voxgpu.itk.images import from_itk

    image = sitk.GetImageFromArray(np.zeros((4, 5, 6), np.uint8))
    image.SetSpacing((0.7, 1.2, 3.0))
    image.SetOrigin((-10.0, 4.0, 50.0))
    image.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    image[2, 3, 1] = 1
    image[4, 3, 2] = 1
    region = from_itk(image)
    b = Image(region.array.astype(bool), region.grid)
    found = applied(center_of_mass_mm.overloads[0], [b])
    assert found == pytest.approx(image.TransformContinuousIndexToPhysicalPoint((3.0, 3.0, 1.5)))


@pytest.mark.parametrize("primitive", [bounding_box, center_of_mass, center_of_mass_mm])
def test_an_empty_region_lies_nowhere(primitive):
    with pytest.raises(UndefinedValueError, match="no true voxel"):
        computed(primitive, np.zeros((2, 3), bool))


@given(labeled)
def test_tables_have_a_row_for_each_label(image):
    labels, v = image
    rows = computed(label_statistics, labels, v)
    assert [row[0] for row in rows] == sorted(set(labels[labels != 0].tolist()))
    for name, count, mean, spread, least, greatest in rows:
        chosen = v[labels == name].astype(np.float64)
        assert count == chosen.size
        assert mean == pytest.approx(chosen.mean())
        assert spread == pytest.approx(chosen.std(ddof=1) if chosen.size > 1 else 0)
        assert (least, greatest) == (chosen.min(), chosen.max())


def test_nan_voxels_are_told_in_the_mean_and_left_out_of_extremes():
    labels = np.array([[1, 1, 1, 2]], np.float32)
    v = np.array([[3, np.nan, 5, np.nan]], np.float32)
    (_, count, mean, spread, least, greatest), other = computed(label_statistics, labels, v)
    assert (count, least, greatest) == (3, 3, 5)
    assert math.isnan(mean)
    assert math.isnan(spread)
    assert all(math.isnan(each) for each in other[2:])


@given(labeled)
def test_new_labels_go_by_size(image):
    labels, _ = image
    found = computed(relabel, labels)
    assert found.dtype == np.int32
    assert np.array_equal(found == 0, labels == 0)
    sizes = np.bincount(found.reshape(-1))[1:].tolist()
    assert sizes == sorted(sizes, reverse=True)
    assert len(sizes) == len(set(labels[labels != 0].tolist()))
    for name in set(labels.reshape(-1).tolist()):
        assert len(set(found[labels == name].tolist())) == 1


@pytest.mark.parametrize("primitive", [label_statistics, relabel])
def test_labels_are_whole_numbers(primitive):
    labels = np.array([[1, 1.5]], np.float32)
    arguments = (labels, labels) if primitive is label_statistics else (labels,)
    with pytest.raises(UndefinedValueError, match="whole numbers"):
        computed(primitive, *arguments)


def test_labels_that_float32_cannot_tell_apart_are_told_apart():
    labels = np.array([[0, 2**24, 2**24 + 1, 2**53 + 1]], np.int64)
    grid = Grid.regular(labels.shape)
    found = applied(relabel.overloads[0], [Image(labels, grid)])
    assert found.array.tolist() == [[0, 1, 2, 3]]
