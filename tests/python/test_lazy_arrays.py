"""Arrays and images of other libraries as lazy values, and back."""

from __future__ import annotations

from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu as vx
from tests.python.test_lazy import digest_of
from voxgpu.python.lazy.evaluate import compiled

VOXELS = np.random.default_rng(0).integers(0, 200, (4, 5, 6)).astype(np.int16)


def _id(value: vx.LazyValue) -> str:
    return compiled([value._term], digest_of).plan.goals[0].value


def _read_only() -> Any:
    array = VOXELS.copy()
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(VOXELS),
        np.repeat(VOXELS, 2, axis=2)[..., ::2],
        VOXELS[::-1][::-1],
        VOXELS.astype(">i2"),
        _read_only(),
        VOXELS.tolist(),
    ],
    ids=["Fortran", "with gaps", "backward", "big-endian", "read-only", "lists"],
)
def test_equal_arrays_are_one_value(array: Any) -> None:
    element = None if isinstance(array, np.ndarray) else np.int16
    value = vx.from_array(array if element is None else np.array(array, element))
    assert _id(value) == _id(vx.from_array(VOXELS)) != _id(vx.from_array(VOXELS + 1))
    assert np.array_equal(value, VOXELS) and np.asarray(value).dtype == np.int16


@pytest.mark.parametrize(
    ("element", "expected"),
    [("float16", "float32"), ("bool", "bool"), ("uint8", "uint8"), ("int64", "int64"),
     ("float64", "float64"), (">f8", "float64"), ("uint32", "uint32")],
)  # fmt: skip
def test_elements(element: str, expected: str) -> None:
    value = vx.from_array(VOXELS.astype(element))
    assert np.asarray(value).dtype == expected
    assert np.array_equal(value, VOXELS.astype(element))


def test_a_mask_is_a_region() -> None:
    v = vx.from_array(VOXELS, spacing=(3, 1, 1), origin=(1, 2, 3))
    mask = vx.from_array(VOXELS > 100, like=v)
    assert mask.grid == v.grid
    assert float((mask & (v > 150)).volume()) == (VOXELS > 150).sum()
    with pytest.raises(ValueError, match="the array has the shape"):
        vx.from_array(VOXELS[1:], like=v)
    with pytest.raises(ValueError, match="give one of"):
        vx.from_array(VOXELS, like=v, spacing=(1, 1, 1))
    other = vx.from_array(VOXELS > 100)
    with pytest.raises(vx.ImgqlError, match="E105"):
        (other & (v > 3)).compute()
    with pytest.warns(UserWarning, match="W201"):
        (adopted,) = vx.compute(other & (v > 150), same_grid="adopt")
    assert np.array_equal(adopted, VOXELS > 150)


def test_an_array_that_changes_afterwards_changes_nothing() -> None:
    array = VOXELS.copy()
    value = vx.from_array(array)
    before = _id(value)
    array[...] = 0
    assert float(value.max()) == VOXELS.max() and _id(value) == before
    image = vx.Image(VOXELS.copy(), vx.Grid.regular(VOXELS.shape))
    both = vx.from_array(VOXELS) + image
    image.array[...] = 0
    assert float(both.max()) == VOXELS.max() * 2


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (VOXELS.astype(complex), TypeError, "complex128; take its magnitude"),
        (VOXELS.astype(object), TypeError, "no array of numbers"),
        (np.array([["a"]]), TypeError, "no array of numbers"),
        (np.ma.masked_array(VOXELS, VOXELS > 3), TypeError, "would lose its mask"),
        (VOXELS[0, 0], ValueError, "makes no image"),
        (VOXELS[:0], ValueError, "makes no image"),
        (np.zeros((2, 2, 2, 2)), ValueError, "colors need|makes no image"),
        (None, TypeError, "no array of numbers"),
        ("v.nii", TypeError, "no image"),
        (np.float32(3), ValueError, "makes no image"),
    ],
    ids=["complex", "objects", "texts", "masked", "1-D", "empty", "4-D", "none", "path", "number"],
)  # fmt: skip
def test_arrays_that_are_no_images(array: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        vx.from_array(array)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"spacing": (1, 1)}, "a spacing is 3 lengths"),
        ({"spacing": (1, 0, 1)}, "a spacing is 3 lengths"),
        ({"origin": (1, 2)}, "an origin is 3 coordinates"),
        ({"origin": (1, 2, float("nan"))}, "an origin is 3 coordinates"),
        ({"direction": np.eye(2)}, "3×3 cosines"),
        ({"direction": np.eye(3) * 2}, "length 1"),
        ({"direction": [1, 0, 0, 0, 1, 0, 0, 1, 0]}, "length 1"),
        ({"direction": [[1, 0.5, 0], [0, 0.75**0.5, 0], [0, 0, 1]]}, "sheared"),
        ({"affine": np.eye(4), "origin": (0, 0, 0)}, "give one of"),
    ],
    ids=str,
)
def test_grids_that_make_no_sense(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        vx.from_array(VOXELS, **given)
    with pytest.raises(ValueError, match=message):
        vx.Image.from_array(VOXELS, **given)


def test_images_of_other_libraries_keep_their_geometry() -> None:
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, -1]])
    value = vx.from_array(VOXELS, spacing=(3, 2, 1), origin=(5, 6, 7), direction=turn)
    assert value.grid.origin == (5, 6, 7) and value.grid.spacing == (3, 2, 1)
    image = value.to_sitk()
    assert image.GetOrigin() == (5, 6, 7) and np.allclose(image.GetDirection(), turn.ravel())
    assert np.array_equal(sitk.GetArrayFromImage(image), VOXELS)
    assert np.array_equal(vx.from_sitk(image), VOXELS) and vx.from_sitk(image).grid == value.grid
    other = value.to_nibabel()
    assert isinstance(other, nibabel.Nifti1Image)
    assert np.allclose(other.affine, value.image().affine, atol=1e-5)
    again = vx.from_nibabel(other)
    assert again.grid.agrees_with(value.grid) and np.array_equal(again, VOXELS)
    sums = vx.compute((value + image).max(), (value + value.image()).max())
    assert sums == (2.0 * VOXELS.max(),) * 2
    with pytest.raises(TypeError, match="no image of SimpleITK"):
        vx.from_sitk(VOXELS)
    with pytest.raises(TypeError, match="no image of nibabel"):
        vx.from_nibabel(image)


def test_programs_take_lazy_images_with_their_grid() -> None:
    value = vx.from_array(VOXELS, spacing=(3, 2, 1), origin=(5, 6, 7)) + 1
    result = vx.run('load v = ""\nsave "v.nii" v', images={"v": value})
    assert result.images["v.nii"].grid == value.grid
    assert np.array_equal(result.images["v.nii"], VOXELS + 1)
    with pytest.raises(TypeError, match=r"images\['v'\]: an image is needed, this is a float"):
        vx.run('load v = ""\nsave "v.nii" v', images={"v": value.max()})


def test_colors() -> None:
    colors = np.random.default_rng(1).integers(0, 255, (4, 5, 3)).astype(np.uint8)
    value = vx.from_array(colors, channels=True)
    assert np.array_equal(value.red(), colors[..., 0])
    assert np.asarray(value).shape == (4, 5, 3)
