"""Interpolation methods: labels use the nearest voxel and keep their element, as in SimpleITK."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from voxgpu.diagnostics import ImgqlError

LABELS = np.array([0, 1, 2, 4])
METHODS = {
    "nearest": sitk.sitkNearestNeighbor,
    "linear": sitk.sitkLinear,
    "bspline": sitk.sitkBSpline3,
}


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Images with rotated axes and unequal voxels, and one on another grid."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(4)
    place = {"spacing": (1.0, 1.5, 2.0), "origin": (3.0, -4.0, 5.0)}
    turned = (0.0, -1.0, 0.0, 0.8, 0.0, -0.6, 0.6, 0.0, 0.8)
    for element in ("uint8", "int16", "uint16", "int32", "int64", "float32", "float64"):
        array = random.choice(LABELS, (6, 7, 8)).astype(element)
        if element in ("int32", "int64"):
            array[array == 4] = 2**24 + 1
        _write(array, f"{element}.nrrd", turned, **place)
    _write(np.zeros((5, 9, 7), np.uint8), "like.nrrd", turned, (1.4, 1.1, 1.7), (3.5, -3.2, 4.0))
    return tmp_path


def _write(
    array: np.ndarray,
    name: str,
    direction: tuple[float, ...],
    spacing: tuple[float, ...],
    origin: tuple[float, ...],
) -> None:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    sitk.WriteImage(image, name)


def _result(expression: str, element: str) -> np.ndarray:
    text = f'load v = "{element}.nrrd"\nload w = "like.nrrd"\nsave "o.nrrd" {expression}\n'
    array: np.ndarray = voxgpu.run(text).saved[0].image.array
    return array


def _of_simpleitk(element: str, method: str) -> np.ndarray:
    image, like = sitk.ReadImage(f"{element}.nrrd"), sitk.ReadImage("like.nrrd")
    if method != "nearest":
        image = sitk.Cast(image, sitk.sitkFloat32)
    found = sitk.Resample(image, like, sitk.Transform(), METHODS[method], 0.0)
    array: np.ndarray = sitk.GetArrayFromImage(found)
    return array


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize(
    "element", ["uint8", "int16", "uint16", "int32", "int64", "float32", "float64"]
)
def test_whole_numbers_take_the_nearest_voxel_and_others_are_interpolated(element: str) -> None:
    method = "linear" if element.startswith("float") else "nearest"
    found = _result("resample(v, w)", element)
    expected = _of_simpleitk(element, method)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    assert np.count_nonzero(found) > found.size / 4
    smaller = _result("resample_to(v, 1.2)", element)
    assert smaller.dtype == expected.dtype
    if method == "nearest":
        original = sitk.GetArrayFromImage(sitk.ReadImage(f"{element}.nrrd"))
        assert set(np.unique(smaller)) <= set(np.unique(original))


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("element", ["int16", "float32", "float64"])
def test_a_method_that_is_given(element: str, method: str) -> None:
    found = _result(f'resample(v, w, "{method}")', element)
    expected = _of_simpleitk(element, method)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    again = _result(f'resample(v, w > 0, "{method}")', element)
    assert np.array_equal(again, expected)


@pytest.mark.usefixtures("inputs")
def test_voxels_reach_half_their_width_beyond_their_centers() -> None:
    direction = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    _write(np.full((2, 2, 2), 7, np.int16), "v.nrrd", direction, (1, 1, 1), (0, 0, 0))
    # Centers along x at -0.75, -0.25, ... 1.75; the image extends from -0.5 to 1.5.
    _write(np.zeros((2, 2, 6), np.int16), "like.nrrd", direction, (0.5, 1, 1), (-0.75, 0, 0))
    for method in ("nearest", "linear"):
        found = _result(f'resample(v, w, "{method}")', "v")
        assert found[0, 0].tolist() == [0, 7, 7, 7, 7, 0]
    assert _result("resample(v > 0, w)", "v")[1, 1].tolist() == [False, *[True] * 4, False]


@pytest.mark.usefixtures("inputs")
def test_regions_have_one_method() -> None:
    found = _result('resample_to(v > 1, 1.2, "nearest")', "int16")
    assert found.dtype == bool
    assert np.array_equal(found, _result("resample_to(v > 1, 1.2)", "int16"))
    assert np.array_equal(found, _result('resample_to(v > 1, [1.2, 1.2, 1.2], "nearest")', "int16"))
    with pytest.raises(ImgqlError, match="nothing between true and false"):
        _result('resample(v > 1, w, "linear")', "int16")


@pytest.mark.usefixtures("inputs")
@pytest.mark.parametrize("call", ['resample(v, w, "cubic")', 'resample_to(v, 2, "Linear")'])
def test_a_method_that_there_is_not(call: str) -> None:
    with pytest.raises(ImgqlError, match='there are "nearest", "linear", "bspline"'):
        _result(call, "int16")
