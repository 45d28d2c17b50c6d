"""Planes: the slices that tell most, sides, layers, windows."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image as Drawing

from voxgpu.image import Grid, Image
from voxgpu.report.montage_regions import outlines_of
from voxgpu.report.planes import Plane, planes_of, surrounding_value, thumbnail, window
from voxgpu.report.region_colors import MORE_COLORS

GRID = Grid.regular((20, 30, 40), (2.0, 1.0, 1.0))


def pixels(url: str, mode: str = "RGBA") -> npt.NDArray[np.uint8]:
    data = base64.b64decode(url.partition(",")[2])
    return np.asarray(Drawing.open(io.BytesIO(data)).convert(mode))


def head() -> Image:
    voxels = np.zeros(GRID.shape, np.int16)
    voxels[2:18, 3:27, 4:36] = 100
    return Image(voxels, GRID)


def region() -> Image:
    mask = np.zeros(GRID.shape, bool)
    mask[5, 10:20, 10:30] = True  # the largest axial slice
    mask[5:15, 12, 11] = True  # the largest coronal and sagittal ones
    return Image(mask, GRID)


def by_name(planes: list[Plane]) -> dict[str, Plane]:
    return {each.name: each for each in planes}


def test_planes_go_through_the_largest_slices_of_the_region() -> None:
    planes = by_name(planes_of(head(), region()))
    assert [planes[each].count for each in ("axial", "coronal", "sagittal")] == [20, 30, 40]
    assert planes["axial"].index == 5
    assert planes["coronal"].index == 12
    assert planes["sagittal"].index == 11


def test_planes_without_a_region_go_through_the_middle() -> None:
    planes = by_name(planes_of(head()))
    assert abs(planes["axial"].index - 10) <= 1 and abs(planes["sagittal"].index - 20) <= 1
    assert not planes["axial"].fill and not planes["axial"].outline


@pytest.mark.parametrize("thickness", [0, 3])
def test_planes_of_a_region_that_fills_slices_go_through_its_middle(thickness: int) -> None:
    """Around a head all of the first slices belong to what is outside of it."""
    mask = np.ones(GRID.shape, bool)
    mask[8:12, 14:16, 18:22] = thickness == 0
    planes = by_name(planes_of(head(), Image(mask, GRID)))
    middle = {"axial": 10, "coronal": 15, "sagittal": 20}
    for name, index in middle.items():
        assert abs(planes[name].index - index) <= 1, name
    assert pixels(planes["axial"].fill)[..., 3].any()


def test_labels_have_the_colors_of_voxgpu_picture() -> None:
    """The color is that of the place among the labels, up to the twelve of a picture."""
    numbers = np.zeros(GRID.shape, np.int16)
    labels = [-4, 2, 5, 9, 11, 20, 21, 22, 30, 40, 50, 60]
    for place, label in enumerate(labels):
        numbers[10, 15, 5 + 2 * place : 7 + 2 * place] = label
    region = Image(numbers, GRID)
    outlines = outlines_of([(Path("x.nii.gz"), region)])
    assert [each.name for each in outlines] == [f"x {label}" for label in labels]
    fill = pixels(by_name(planes_of(head(), region, pixels=400))["axial"].fill)
    seen = {tuple(color[:3]) for color in fill.reshape(-1, 4) if color[3]}
    assert seen == {each.color for each in outlines} == {*MORE_COLORS}


def test_thumbnails_have_the_colors_of_labels() -> None:
    numbers = np.zeros(GRID.shape, np.uint8)
    numbers[10, 5:14, 5:30], numbers[10, 16:25, 5:30] = 1, 4
    content = thumbnail(head(), Image(numbers, GRID), 120)
    drawn = np.asarray(Drawing.open(io.BytesIO(content)).convert("RGB")).astype(int)
    for color in MORE_COLORS[:2]:
        distance = np.abs(drawn - np.array(color)).max(axis=2)
        assert np.count_nonzero(distance < 60) > 20, color


def test_indices_are_those_of_the_array_if_axes_run_backward() -> None:
    flipped = Grid(GRID.shape, GRID.spacing, GRID.origin, (-1, 0, 0, 0, 1, 0, 0, 0, -1))
    planes = by_name(planes_of(Image(head().array, flipped), Image(region().array, flipped)))
    assert (planes["axial"].index, planes["sagittal"].index) == (5, 11)


def test_layers_have_the_size_of_the_picture_and_the_region_in_its_place() -> None:
    plane = by_name(planes_of(head(), region()))["axial"]
    background, fill, outline = map(pixels, (plane.picture, plane.fill, plane.outline))
    assert background.shape == fill.shape == outline.shape == (plane.height, plane.width, 4)
    # The frame shows 10 columns of 1 mm before the region and as many behind it.
    columns = np.flatnonzero(fill[..., 3].any(axis=0))
    assert columns[0] / plane.width == pytest.approx(10 / 40, abs=0.02)
    assert columns[-1] / plane.width == pytest.approx(30 / 40, abs=0.02)
    inside = fill[..., 3] > 0
    assert (outline[..., 3] > 0).sum() < inside.sum() / 2
    assert not (outline[..., 3] > 0)[~inside].any()


def test_planes_have_true_proportions() -> None:
    plane = by_name(planes_of(head()))["coronal"]
    # 20 slices of 2 mm upward, 40 columns of 1 mm.
    assert plane.width == pytest.approx(plane.height, rel=0.05)


def test_flat_images_have_one_plane_and_colors_are_kept() -> None:
    flat = Image(np.full((10, 20, 3), (250, 10, 10), np.uint8), Grid.regular((10, 20)))
    (plane,) = planes_of(flat)
    assert plane.left == "" and (plane.width, plane.height) == (300, 150)
    assert np.abs(pixels(plane.picture)[5, 5, :3].astype(int) - (250, 10, 10)).max() < 12


def test_labels_have_colors_of_their_own() -> None:
    labels = np.zeros(GRID.shape, np.int32)
    labels[5:9, 5:15, 5:15] = 1
    labels[5:9, 16:26, 20:30] = 2
    plane = by_name(planes_of(head(), Image(labels, GRID)))["axial"]
    fill = pixels(plane.fill)
    assert len({tuple(each) for each in fill[fill[..., 3] > 0]}) == 2


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, -np.inf, 1e308])
def test_strange_images_give_pictures(value: float) -> None:
    for element in (np.float32, np.float64):
        with np.errstate(over="ignore"):
            voxels = np.full(GRID.shape, value).astype(element)
        assert len(planes_of(Image(voxels, GRID))) == 3


def test_an_empty_region_has_no_layers() -> None:
    empty = Image(np.zeros(GRID.shape, bool), GRID)
    assert all(not each.fill for each in planes_of(head(), empty))


def test_the_window_leaves_out_what_surrounds() -> None:
    voxels = np.full(GRID.shape, -1.0)
    voxels[5:15, 5:25, 5:35] = np.linspace(10, 20, 10)[:, None, None]
    assert surrounding_value(voxels) == -1
    low, high = window(voxels)
    assert 10 <= low < high <= 20


def test_thumbnails_are_small_webp_files() -> None:
    data = thumbnail(head(), region(), 64)
    drawn = Drawing.open(io.BytesIO(data))
    assert drawn.format == "WEBP" and max(drawn.size) == 64
    colors = np.asarray(drawn.convert("RGB")).astype(int)
    assert (colors[..., 0] - colors[..., 2]).max() > 60, "the region is orange"
