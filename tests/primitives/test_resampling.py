"""Resampling compared with SimpleITK, and N4 on images with a synthetic bias field."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.image import Grid, Image
from voxgpu.itk.images import from_itk, to_itk
from voxgpu.primitives.catalogue import catalogue, standard_primitives
from voxgpu.primitives.primitive import Primitive, UndefinedValueError
from voxgpu.primitives.resampling import finer_grid

NAMES = catalogue(standard_primitives())


def _overload(name: str, *types: str) -> Primitive:
    (found,) = [p for p in NAMES[name] if [str(each.type) for each in p.parameters] == list(types)]
    return found


def _grid(shape: tuple[int, ...], seed: int) -> Grid:
    random = np.random.default_rng(seed)
    count = len(shape)
    turn, _ = np.linalg.qr(random.normal(size=(count, count)))
    return Grid(
        shape,
        tuple(random.uniform(0.6, 2.0, count).tolist()),
        tuple(random.uniform(-3, 3, count).tolist()),
        tuple(turn.ravel().tolist()),
    )


@pytest.mark.parametrize("shape", [(7, 8), (6, 7, 8)])
@pytest.mark.parametrize("seed", range(5))
def test_resampled_numbers_are_those_of_simpleitk(shape: tuple[int, ...], seed: int) -> None:
    random = np.random.default_rng(seed)
    source = _grid(shape, seed)
    # Slightly rotated and moved, so that much of it overlaps.
    moved = tuple(o + 0.3 for o in source.origin)
    target = Grid(tuple(n + 1 for n in shape), source.spacing, moved, source.direction)
    v = random.normal(size=shape).astype(np.float32)
    like = np.zeros(target.shape, dtype=np.float32)
    primitive = _overload("resample", "image of numbers", "image of numbers")
    found = primitive.reference([Image(v, source), Image(like, target)], target)
    assert isinstance(found, Image)
    expected = sitk.Resample(to_itk(Image(v, source)), to_itk(Image(like, target)))
    theirs = sitk.GetArrayFromImage(expected)
    inside = theirs != 0
    assert np.count_nonzero(inside) > v.size / 3
    assert np.array_equal(found.array, theirs)
    # Compared only where SciPy has a value: ITK's extends half a voxel further.
    outside = scipy_linear(v, source, target)
    both = ~np.isnan(outside)
    assert np.count_nonzero(both) > v.size / 4
    assert np.allclose(found.array[both], outside[both], atol=1e-5)


def scipy_linear(v: np.ndarray, source: Grid, target: Grid) -> np.ndarray:
    """Linear interpolation by SciPy, at the position of every voxel in mm; NaN outside."""
    from scipy.ndimage import map_coordinates

    count = v.ndim
    turn = np.array(source.direction).reshape(count, count) * source.spacing[::-1]
    places = []
    for index in np.ndindex(target.shape):
        offset = np.array(target.position(index)) - source.origin
        places.append(np.linalg.solve(turn, offset)[::-1])
    found = map_coordinates(v, np.array(places).T, order=1, mode="constant", cval=np.nan)
    return found.reshape(target.shape)


def test_resampling_on_its_own_grid_changes_nothing() -> None:
    grid = _grid((5, 6, 7), 3)
    v = np.random.default_rng(1).normal(size=grid.shape).astype(np.float32)
    image = Image(v, grid)
    primitive = _overload("resample", "image of numbers", "image of numbers")
    found = primitive.reference([image, image], grid)
    assert isinstance(found, Image)
    assert np.array_equal(found.array, v)
    region = Image(v > 0, grid)
    same = _overload("resample", "image of true/false", "image of true/false")
    found = same.reference([region, region], grid)
    assert isinstance(found, Image)
    assert np.array_equal(found.array, region.array)


@pytest.mark.parametrize("mm", [0.5, 1.0, 2.0, 3.3])
def test_other_voxels_cover_the_same_extent(mm: float) -> None:
    grid = _grid((8, 9, 10), 5)
    finer = finer_grid(grid, mm)
    assert finer.shape == tuple(
        max(1, int(np.floor(n * s / mm + 0.5)))
        for n, s in zip(grid.shape, grid.spacing, strict=True)
    )
    corners = [each.position(tuple([-0.5] * 3)) for each in (grid, finer)]  # type: ignore[arg-type]
    assert np.allclose(*corners)
    assert finer.nifti == b""


def test_a_ramp_stays_a_ramp() -> None:
    grid = Grid.regular((4, 4, 12))
    ramp = np.broadcast_to(np.arange(12, dtype=np.float32), grid.shape)
    target = finer_grid(grid, 2.0)
    primitive = _overload("resample_to", "image of numbers", "number")
    found = primitive.reference([Image(ramp, grid), 2.0], target)
    assert isinstance(found, Image)
    assert np.allclose(found.array[0, 0], np.arange(6) * 2 + 0.5)


@pytest.mark.parametrize("mm", [0.0, -1.0, float("nan"), float("inf")])
def test_widths_that_are_none(mm: float) -> None:
    with pytest.raises(UndefinedValueError):
        finer_grid(Grid.regular((3, 3)), mm)


def _spoiled() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A head of two tissues, its mask, and a bias field over it."""
    z, y, x = np.indices((32, 40, 36), dtype=np.float32)
    radius = np.sqrt((z - 16) ** 2 + (y - 20) ** 2 + (x - 18) ** 2)
    head = np.where(radius < 8, 150.0, 100.0).astype(np.float32)
    mask = radius < 14
    field = np.exp(0.4 * np.sin(x / 20) + 0.3 * (y / 40) - 0.2 * (z / 32)).astype(np.float32)
    return head * mask, mask, field


@pytest.mark.slow
def test_n4_evens_out_brightness() -> None:
    head, mask, field = _spoiled()
    grid = Grid.regular(head.shape)
    (primitive,) = NAMES["n4"]
    found = primitive.reference([Image(head * field, grid), Image(mask, grid)], grid)
    assert isinstance(found, Image)

    def unevenness(v: np.ndarray) -> float:
        return max(
            float(np.std(v[tissue]) / np.mean(v[tissue])) for tissue in (head == 150, head == 100)
        )

    assert unevenness(found.array) < unevenness(head * field) / 3
    again = primitive.reference([Image(head * field, grid), Image(mask, grid)], grid)
    assert isinstance(again, Image)
    assert np.array_equal(found.array, again.array)


def test_n4_without_a_mask_has_no_value() -> None:
    head, mask, _ = _spoiled()
    grid = Grid.regular(head.shape)
    (primitive,) = NAMES["n4"]
    with pytest.raises(UndefinedValueError, match="mask"):
        primitive.reference([Image(head, grid), Image(mask & False, grid)], grid)


def test_images_go_to_simpleitk_and_back() -> None:
    grid = _grid((4, 5, 6), 9)
    for array in (
        np.random.default_rng(2).normal(size=grid.shape).astype(np.float32),
        np.arange(120, dtype=np.int16).reshape(grid.shape),
        np.random.default_rng(2).integers(0, 255, (*grid.shape, 3)).astype(np.uint8),
    ):
        back = from_itk(to_itk(Image(array, grid)), grid)
        assert back.grid is grid
        assert np.array_equal(back.array, array)
