"""Dilation and erosion compared with SciPy, and with each other's duals."""

import numpy as np
from hypothesis import given
from scipy.ndimage import binary_dilation, binary_erosion

from tests.primitives.images import masks
from tests.primitives.reference import computed
from voxgpu.primitives.distance import distance
from voxgpu.primitives.morphology import interior, near


@given(masks())
def test_near_is_dilation_by_a_box(b):
    assert np.array_equal(computed(near, b), binary_dilation(b, np.ones((3,) * b.ndim)))


@given(masks())
def test_interior_is_erosion_with_truth_outside(b):
    expected = binary_erosion(b, np.ones((3,) * b.ndim), border_value=1)
    assert np.array_equal(computed(interior, b), expected)


@given(masks())
def test_interior_is_the_dual_of_near(b):
    assert np.array_equal(computed(interior, b), ~computed(near, ~b))


@given(masks())
def test_near_is_within_the_diagonal_of_a_voxel(b):
    diagonal = np.sqrt(b.ndim)
    assert np.array_equal(computed(near, b), computed(distance, b) <= np.float32(diagonal))
