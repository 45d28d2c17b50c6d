"""However an image is stored, it is shown front up and the patient's left at the right."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from voxgpu.image import Grid
from voxgpu.report.orientation import radiological


def grid_along(shape: tuple[int, ...], axes: tuple[int, ...], signs: tuple[int, ...]) -> Grid:
    """A grid whose x, y, z axes run along these patient axes (0 left, 1 back, 2 up)."""
    direction = np.zeros((3, 3))
    for column, (axis, sign) in enumerate(zip(axes, signs, strict=True)):
        direction[axis, column] = sign
    return replace(Grid.regular(shape, (3.0, 2.0, 1.0)), direction=tuple(direction.ravel()))


@pytest.mark.parametrize(
    ("axes", "signs"), list(product(permutations(range(3)), product((1, -1), repeat=3)))
)
def test_every_storage_order_is_turned(axes: tuple[int, ...], signs: tuple[int, ...]) -> None:
    grid = grid_along((4, 5, 6), axes, signs)
    # Every voxel holds its position in the patient, (left, back, up).
    places = np.empty((4, 5, 6, 3))
    for index in np.ndindex(4, 5, 6):
        places[index] = grid.position(index)
    orientation = radiological(grid)
    turned = orientation.turned(places)
    for display_axis, patient_axis in enumerate((2, 1, 0)):
        steps = np.diff(turned[..., patient_axis], axis=display_axis)
        assert np.allclose(steps, orientation.spacing[display_axis])
        assert (steps > 0).all()


def test_oblique_grids_keep_their_own_axes() -> None:
    turn = np.deg2rad(20)
    rotation = (np.cos(turn), -np.sin(turn), 0, np.sin(turn), np.cos(turn), 0, 0, 0, 1)
    orientation = radiological(replace(Grid.regular((3, 4, 5)), direction=rotation))
    assert orientation.axes == (0, 1, 2)
    assert orientation.flipped == (False, False, False)


def test_two_dimensional_grids_are_slices() -> None:
    grid = replace(Grid.regular((4, 5), (2.0, 1.0)), direction=(-1.0, 0.0, 0.0, 1.0))
    orientation = radiological(grid)
    assert orientation.axes == (0, 1)
    assert orientation.flipped == (False, True)
    assert orientation.spacing == (2.0, 1.0)
    colors = np.arange(60).reshape(4, 5, 3)
    assert np.array_equal(orientation.turned(colors), colors[:, ::-1])
