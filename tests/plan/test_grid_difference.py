"""Descriptions of the difference between two grids."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from voxgpu.image import Grid
from voxgpu.plan.grid_difference import advice, difference

CUBE = Grid.regular((16, 16, 16), (2.0, 1.0, 1.0))


def turned(angles, matrix=1.0, grid=CUBE):
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() @ (np.eye(3) * matrix)
    return replace(grid, direction=tuple(map(float, turn.ravel())))


@pytest.mark.parametrize(
    ("other", "text"),
    [
        (Grid.regular((15, 16, 17), (2.0, 1.0, 1.0)), "shapes are 16×16×16 and 17×16×15 voxels"),
        (replace(CUBE, spacing=(2.0, 1.0, 1.0000123)), "1×1×2 and 1.00001×1×2 mm"),
        (replace(CUBE, origin=(3.0, 0.0, -4.0)), "is shifted by 5 mm = 5 voxels, (3, 0, -4) mm"),
        (replace(CUBE, origin=(0.0, 0.00123, 0.0)), "by 0.00123 mm = 0.00123 voxels"),
        (turned((0, 0, 10)), "turned by 10°"),
        (turned((0, 0.004, 0)), "turned by 0.004°"),
        (turned((0, 0, 90)), "turned by 90°"),
        (turned((0, 0, 0), [1, -1, 1]), "mirrored along y"),
        (turned((0, 0, 0), [-1, -1, -1]), "mirrored along x and y and z"),
        (turned((0, 0, 30), [1, -1, 1]), "mirrored and turned by "),
        (Grid.regular((16, 16)), "one is 3-D, the other 2-D"),
    ],
)
def test_differences_are_described(other, text):
    assert text in difference(CUBE, other)


def test_mirrored_grids_are_not_to_be_adopted():
    mirrored = turned((0, 0, 0), [-1, 1, 1])
    assert "adopt" not in advice(CUBE, mirrored)
    assert "resample(v, like)" in advice(CUBE, mirrored)


@pytest.mark.parametrize(("mm", "text"), [(0.0123, "--grid-tolerance 2e-2"), (0.05, "6e-2")])
def test_the_tolerance_that_is_advised_suffices(mm, text):
    other = replace(CUBE, origin=(mm, 0.0, 0.0))
    assert text in advice(CUBE, other) and "resample(v, like)" in advice(CUBE, other)
    assert CUBE.agrees_with(other, float(text.split()[-1]))


def test_grids_a_voxel_apart_are_to_be_resampled_and_far_ones_may_be_adopted():
    near, far = (replace(CUBE, origin=(mm, 0.0, 0.0)) for mm in (0.5, 5.0))
    assert "adopt" not in advice(CUBE, near)
    assert "--same-grid adopt" in advice(CUBE, far)


@pytest.mark.parametrize(("part", "agree"), [(0.0009, True), (0.0011, False)])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_thousandth_of_the_smallest_spacing_is_allowed(axis, part, agree):
    origin = tuple(part if each == axis else 0.0 for each in range(3))
    other = replace(CUBE, origin=origin)
    assert CUBE.agrees_with(other) is agree and other.agrees_with(CUBE) is agree
