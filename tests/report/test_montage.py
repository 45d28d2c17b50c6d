"""Montages: outlines at the borders of regions, true proportions, correct sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import distance_transform_edt

from voxgpu.image import Grid, Image
from voxgpu.report.montage import Outline, Picture, montage, write_montage
from voxgpu.report.montage_layout import GAP

ORANGE, BLUE = (230, 159, 0), (86, 180, 233)

Mask = npt.NDArray[np.bool_]


def pixels_of(picture: Picture, color: tuple[int, int, int]) -> Mask:
    same: Mask = (picture == np.array(color, np.uint8)).all(axis=2)
    return same


def block(grid: Grid, *ranges: slice) -> Image:
    mask = np.zeros(grid.shape, bool)
    mask[ranges] = True
    return Image(mask, grid)


def noise(grid: Grid) -> Image:
    """A background without zeros, so that tiles show the whole of each slice."""
    generator = np.random.default_rng(0)
    return Image(generator.integers(1, 600, grid.shape).astype(np.int16), grid)


def extent(mask: Mask) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


def tile_of(picture: Picture, size: tuple[int, int]) -> Picture:
    """The last tile of a picture, in its lower right corner."""
    tile: Picture = picture[-GAP - size[0] : -GAP, -GAP - size[1] : -GAP]
    return tile


def test_size_and_type() -> None:
    grid = Grid.regular((30, 40, 40))
    region = block(grid, slice(5, 25), slice(10, 30), slice(10, 30))
    picture = montage(noise(grid), [Outline("a", region, ORANGE)], tile_pixels=100)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert picture.shape[1] == 4 * (100 + GAP) + GAP
    header = picture.shape[0] - 3 * (100 + GAP)
    assert GAP < header < 50, "three rows of tiles and a line of text"


def test_every_outline_is_seen_even_where_both_agree() -> None:
    grid = Grid.regular((20, 40, 40))
    region = block(grid, slice(5, 15), slice(10, 30), slice(10, 30))
    outlines = [Outline("true", region, BLUE), Outline("found", region, ORANGE)]
    picture = montage(noise(grid), outlines, tile_pixels=80)
    tiles = picture[-3 * (80 + GAP) :]
    for color in (BLUE, ORANGE):
        assert pixels_of(tiles, color).sum() > 10 * 4 * 40, "ten slices, four edges of 40 pixels"


def test_the_legend_shows_colors_and_title() -> None:
    grid = Grid.regular((20, 40, 40))
    region = block(grid, slice(5, 15), slice(10, 30), slice(10, 30))
    empty = Image(np.zeros(grid.shape, bool), grid)
    outlines = [Outline("true", region, BLUE), Outline("found", empty, ORANGE)]
    header = montage(noise(grid), outlines)[: 36 + GAP]
    for color in (BLUE, ORANGE):
        assert pixels_of(header, color).sum() > 40
    plain, titled = (montage(noise(grid), outlines, title=title) for title in ("", "Dice 0.9"))
    assert plain.shape == titled.shape
    different = (plain != titled).any(axis=2)
    assert different.any()
    assert different.nonzero()[0].max() < 36 + GAP, "a title is written above the tiles"


def test_long_titles_are_not_cut_off() -> None:
    grid = Grid.regular((20, 40, 40))
    region = block(grid, slice(5, 6), slice(10, 30), slice(10, 30))
    outlines = [Outline("a region with a long name", region, ORANGE)]
    picture = montage(noise(grid), outlines, title="W" * 50, tile_pixels=64, columns=1)
    bare = montage(noise(grid), outlines, tile_pixels=64, columns=1)
    assert picture.shape[1] > bare.shape[1]
    assert (picture[:28, -GAP:] == 0).all(), "text ends before the edge"


@pytest.mark.parametrize("tile_pixels", [64, 150, 256])
def test_outlines_lie_at_the_border_of_the_region(tile_pixels: int) -> None:
    grid = Grid.regular((50, 50))
    y, x = np.mgrid[:50, :50]
    disk = (y - 20) ** 2 + (x - 30) ** 2 < 150
    outlines = [Outline("", Image(disk, grid), BLUE), Outline("", Image(disk, grid), ORANGE)]
    picture = montage(noise(grid), outlines, tile_pixels=tile_pixels)
    left = (picture.shape[1] - GAP) - tile_pixels
    tile = picture[-GAP - tile_pixels : -GAP, GAP : GAP + tile_pixels]
    assert left >= GAP
    places = ((np.arange(tile_pixels) + 0.5) * 50 / tile_pixels).astype(int)
    region = disk[np.ix_(places, places)]
    depth = distance_transform_edt(region) - distance_transform_edt(~region)
    assert set(np.unique(depth[pixels_of(tile, BLUE)])) <= {-1.0, -np.sqrt(2), -2.0}
    assert set(np.unique(depth[pixels_of(tile, ORANGE)])) <= {1.0, np.sqrt(2), 2.0}
    assert pixels_of(tile, BLUE)[depth == -1].all(), "the border is closed"
    assert pixels_of(tile, ORANGE)[depth == 1].all()


def test_the_patients_left_is_at_the_right_and_the_front_is_up() -> None:
    """A mark at the left front, stored in two ways, is drawn at the upper right."""
    shape = (6, 60, 60)
    plain = Grid.regular(shape)
    turned = replace(plain, direction=(-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0))
    for grid, rows, columns in (
        (plain, slice(5, 15), slice(45, 55)),
        (turned, slice(45, 55), slice(5, 15)),
    ):
        mark = Outline("", block(grid, slice(2, 4), rows, columns), ORANGE)
        picture = montage(noise(grid), [mark], tile_pixels=120)
        found = pixels_of(tile_of(picture, (120, 120)), ORANGE)
        top, bottom, left, right = extent(found)
        assert (top, bottom) == (10 - 2, 30 + 1)
        assert (left, right) == (90 - 2, 110 + 1)


def test_sagittal_volumes_are_shown_in_axial_slices() -> None:
    """As stored by many scanners: slices to the left, rows downward, columns backward."""
    direction = (0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, -1.0, 0.0)
    grid = replace(Grid.regular((60, 30, 60)), direction=direction)
    mark = Outline("", block(grid, slice(45, 55), slice(10, 12), slice(5, 15)), ORANGE)
    picture = montage(noise(grid), [mark], tile_pixels=120, rows=1, columns=2)
    top, bottom, left, right = extent(pixels_of(tile_of(picture, (120, 120)), ORANGE))
    assert (top, bottom, left, right) == (8, 31, 88, 111)


def test_slice_numbers_are_those_of_the_array(monkeypatch: pytest.MonkeyPatch) -> None:
    from voxgpu.report import montage as module

    seen: list[list[str]] = []
    arrange = module.arrange

    def note(tiles: list[Picture], labels: list[str], *others: object) -> Picture:
        seen.append(list(labels))
        return arrange(tiles, labels, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "arrange", note)
    upright = Grid.regular((40, 20, 20))
    upside_down = replace(upright, direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0))
    for grid in (upright, upside_down):
        mask = Outline("", block(grid, slice(10, 13), slice(5, 15), slice(5, 15)), ORANGE)
        montage(noise(grid), [mask])
    assert seen == [["10", "11", "12"], ["12", "11", "10"]]
    mask = Outline("", block(upright, slice(4, 40), slice(5, 15), slice(5, 15)), ORANGE)
    montage(noise(upright), [mask], columns=2, rows=2)
    assert seen[-1] == ["8", "17", "26", "35"]
    montage(noise(Grid.regular((20, 20))), [])
    assert seen[-1] == [], "a 2-D image has no slices"


def test_voxels_that_are_not_square() -> None:
    grid = Grid.regular((4, 30, 30), (1.0, 1.0, 2.0))
    region = block(grid, slice(1, 2), slice(10, 20), slice(10, 20))
    picture = montage(noise(grid), [Outline("", region, ORANGE)], tile_pixels=120, columns=1)
    top, bottom, left, right = extent(pixels_of(tile_of(picture, (60, 120)), ORANGE))
    assert bottom - top + 1 == 20 + 4
    assert right - left + 1 == 40 + 4


def test_two_dimensions_make_one_tile() -> None:
    grid = Grid.regular((60, 90))
    region = block(grid, slice(20, 40), slice(20, 40))
    picture = montage(noise(grid), [Outline("", region, ORANGE)], tile_pixels=90)
    assert picture.shape[1] == 90 + 2 * GAP
    assert pixels_of(picture[-60 - GAP :], ORANGE).sum() > 60


def test_colors_are_shown_as_grey() -> None:
    grid = Grid.regular((32, 32))
    colors = np.zeros((32, 32, 3), np.uint8)
    colors[:, :16], colors[:, 16:] = (255, 0, 0), (0, 255, 0)
    picture = montage(Image(colors, grid), [], tile_pixels=32)
    tile = tile_of(picture, (32, 32))
    assert (tile == tile[..., :1]).all()
    assert (tile[:, :14] < tile[:, 18:]).all(), "green is brighter than red"


def test_without_outlined_voxels_the_background_is_shown_evenly() -> None:
    grid = Grid.regular((40, 30, 30))
    voxels = np.zeros(grid.shape, np.float32)
    for index in range(10, 30):
        voxels[index, 5:25, 5:25] = 100 + index
    empty = Outline("", Image(np.zeros(grid.shape, bool), grid), ORANGE)
    for outlines in ([], [empty]):
        picture = montage(Image(voxels, grid), outlines, columns=5, rows=1, tile_pixels=60)
        row = picture[-60 - GAP : -GAP]
        grey = [int(row[30, GAP + (60 + GAP) * n + 30, 0]) for n in range(5)]
        assert grey == sorted(grey)
        assert len(set(grey)) == 5, "slices differ, and go upward"
        assert grey[0] > 0
        assert not pixels_of(row, ORANGE).any()


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan, np.inf])
def test_backgrounds_with_nothing_to_see(value: float) -> None:
    grid = Grid.regular((5, 20, 20))
    region = block(grid, slice(1, 3), slice(5, 15), slice(5, 15))
    background = Image(np.full(grid.shape, value, np.float32), grid)
    with np.errstate(all="raise"):
        picture = montage(background, [Outline("", region, ORANGE)], tile_pixels=40)
    assert pixels_of(picture, ORANGE).any()


def test_grey_window_ignores_the_background_and_the_brightest() -> None:
    grid = Grid.regular((100, 100))
    voxels = np.zeros(grid.shape, np.float32)
    voxels[:, 50:] = np.linspace(1000, 2000, 50)
    voxels[0, 60] = 1e9
    # The picture shows the voxels that are not 0 and a margin of 6 mm.
    tile = tile_of(montage(Image(voxels, grid), [], tile_pixels=100), (100, 56))[..., 0]
    inside = tile[50, 6:].astype(int)
    assert (np.diff(inside) >= 0).all()
    assert inside[1] < 10
    assert inside[-2] > 240
    assert (tile[50, :6] == 0).all()


def test_empty_space_around_the_head_is_left_out() -> None:
    grid = Grid.regular((100, 100))
    voxels = np.zeros(grid.shape, np.int16)
    voxels[40:60, 30:70] = 100
    # 40 + 2×6 mm wide, 20 + 2×6 mm high, two pixels per millimeter; pixels between the block and
    # the background are black.
    tile = tile_of(montage(Image(voxels, grid), [], tile_pixels=104), (64, 104))
    assert extent((tile > 100).any(axis=2)) == (13, 50, 13, 90)


def test_masks_on_another_grid_are_refused() -> None:
    grid, other = Grid.regular((5, 20, 20)), Grid.regular((5, 20, 20), (1.0, 1.0, 1.5))
    region = block(other, slice(1, 3), slice(5, 15), slice(5, 15))
    with pytest.raises(ValueError, match=r"`found` is on another grid.*1\.5×1×1 mm"):
        montage(noise(grid), [Outline("found", region, ORANGE)])


def test_colored_masks_are_refused() -> None:
    grid = Grid.regular((20, 20))
    colors = Image(np.zeros((20, 20, 3), np.uint8), grid)
    with pytest.raises(ValueError, match="`found` is an image of colors"):
        montage(noise(grid), [Outline("found", colors, ORANGE)])


@pytest.mark.parametrize("size", [{"columns": 0}, {"rows": 0}, {"tile_pixels": 31}])
def test_impossible_sizes_are_refused(size: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a montage needs"):
        montage(noise(Grid.regular((5, 20, 20))), [], **size)  # type: ignore[arg-type]


def test_labels_count_as_masks() -> None:
    grid = Grid.regular((20, 20))
    labels = np.zeros((20, 20), np.uint8)
    labels[5:15, 5:15] = 4
    picture = montage(noise(grid), [Outline("", Image(labels, grid), ORANGE)])
    assert pixels_of(picture, ORANGE).any()


def test_arguments_are_left_as_they_are() -> None:
    grid = Grid.regular((5, 20, 20))
    background, region = noise(grid), block(grid, slice(1, 3), slice(5, 15), slice(5, 15))
    before = background.array.copy(), region.array.copy()
    montage(background, [Outline("", region, ORANGE)])
    assert np.array_equal(background.array, before[0])
    assert np.array_equal(region.array, before[1])


def test_written_pictures_can_be_read_again(tmp_path: Path) -> None:
    from PIL import Image as Drawing

    picture = montage(noise(Grid.regular((5, 40, 40))), [], title="t")
    path = tmp_path / "new" / "picture.png"
    write_montage(path, picture)
    write_montage(path, picture)
    with Drawing.open(path) as read:
        assert read.format == "PNG"
        assert np.array_equal(np.array(read), picture)
    assert list(path.parent.iterdir()) == [path], "nothing else is left behind"


def test_failed_writing_leaves_the_old_picture(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"old")
    with pytest.raises(TypeError):
        write_montage(path, np.zeros((4, 4, 7), np.complex128))  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
