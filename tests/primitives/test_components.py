"""Components compared with a flood fill from voxel to voxel."""

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.primitives.images import masks, shapes
from tests.primitives.reference import computed
from voxgpu.primitives.components import labels, largest_component, through


def walked(b):
    """Labels by flood fill, from each unlabeled voxel in raster order."""
    result = np.zeros(b.shape, dtype=np.int32)
    count = 0
    for start in np.ndindex(b.shape):
        if not b[start] or result[start]:
            continue
        count += 1
        result[start] = count
        waiting = [start]
        while waiting:
            here = waiting.pop()
            for offset in product((-1, 0, 1), repeat=b.ndim):
                there = tuple(np.add(here, offset))
                inside = all(0 <= i < n for i, n in zip(there, b.shape, strict=True))
                if inside and b[there] and not result[there]:
                    result[there] = count
                    waiting.append(there)
    return result


pairs = shapes.flatmap(lambda shape: st.tuples(masks(shape), masks(shape)))


@given(masks())
def test_labels_are_those_of_a_walk(b):
    result = computed(labels, b)
    assert result.dtype == np.int32
    assert np.array_equal(result, walked(b))


@given(pairs)
def test_through_keeps_the_components_that_are_touched(pair):
    a, b = pair
    walk = walked(b)
    touched = {walk[place] for place in zip(*np.nonzero(a & b), strict=True)}
    assert np.array_equal(computed(through, a, b), np.isin(walk, list(touched)) & b)


@given(masks())
def test_the_largest_component_and_its_equals(b):
    walk = walked(b)
    volumes = {label: int((walk == label).sum()) for label in range(1, walk.max() + 1)}
    largest = [each for each, volume in volumes.items() if volume == max(volumes.values())]
    assert np.array_equal(computed(largest_component, b), np.isin(walk, largest))


def test_corners_connect():
    b = np.eye(3, dtype=bool)
    assert computed(labels, b).max() == 1
    cube = np.zeros((3, 3, 3), dtype=bool)
    cube[0, 0, 0] = cube[1, 1, 1] = cube[2, 2, 0] = True
    assert computed(labels, cube).max() == 1


def test_raster_order_counts_the_first_voxel_not_the_largest_component():
    b = np.array([[0, 0, 1, 0, 0], [1, 0, 0, 0, 1], [1, 1, 0, 1, 1]], dtype=bool)
    assert computed(labels, b).tolist() == [[0, 0, 1, 0, 0], [2, 0, 0, 0, 3], [2, 2, 0, 3, 3]]


def test_arms_that_meet_late_are_one():
    comb = np.zeros((4, 9), dtype=bool)
    comb[:3, ::2] = True
    comb[3] = True
    assert computed(labels, comb).max() == 1


def test_labels_are_in_raster_order_in_memory_of_any_order():
    b = np.random.default_rng(5).random((9, 8, 7)) < 0.2
    assert np.array_equal(computed(labels, np.asfortranarray(b)), computed(labels, b))


def test_empty_and_full():
    empty, full = np.zeros((2, 3, 4), dtype=bool), np.ones((2, 3, 4), dtype=bool)
    assert not computed(labels, empty).any()
    assert not computed(largest_component, empty).any()
    assert not computed(through, full, empty).any()
    assert not computed(through, empty, full).any()
    assert computed(largest_component, full).all()
    assert computed(through, full, full).all()
