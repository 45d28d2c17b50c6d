"""What rules say of the ancestors is what SimpleITK does, by which both compute."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk


def _image(values: list[float], element: str) -> sitk.Image:
    return sitk.GetImageFromArray(np.array([values], element))


def _values(image: sitk.Image) -> list[float]:
    return [float(each) for each in sitk.GetArrayFromImage(image).ravel()]


def test_integers_are_divided_as_integers_and_wrap() -> None:
    assert _values(sitk.Divide(_image([99], "int16"), 7.0)) == [14]
    assert _values(sitk.Subtract(_image([0], "uint8"), 1.0)) == [255]


def test_thresholds_are_cut_off() -> None:
    image = _image([2, 3], "int16")
    assert _values(sitk.Greater(image, 2.5)) == [0, 1]
    assert _values(sitk.GreaterEqual(image, 2.5)) == [1, 1]
    assert _values(sitk.BinaryThreshold(image, 2.5, 7.5, 1, 0)) == [1, 1]


def test_types_of_voxels_do_not_mix() -> None:
    with pytest.raises(RuntimeError):
        sitk.Add(_image([1], "int16"), _image([1], "float32"))


def test_a_divisor_of_zero() -> None:
    zero, largest = _image([0, 0], "float32"), float(np.finfo(np.float32).max)
    assert _values(sitk.Divide(_image([-1, 0], "float32"), zero)) == [largest, largest]
    with pytest.raises(RuntimeError):
        sitk.Divide(zero, 0.0)


def test_nan_differs_from_every_number() -> None:
    assert _values(sitk.NotEqual(_image([np.nan, 3], "float32"), 3.0)) == [1, 0]


def test_nan_in_a_nifti_file_is_read_as_zero(tmp_path: Path) -> None:
    sitk.WriteImage(_image([np.nan, np.inf, 1], "float32"), str(tmp_path / "v.nii"))
    assert _values(sitk.ReadImage(str(tmp_path / "v.nii"))) == [0, 0, 1]


def test_the_distance_to_nothing() -> None:
    for value, sign in ((0, 1), (1, -1)):
        region = _image([value] * 3, "uint8")
        distances = _values(sitk.SignedMaurerDistanceMap(region, False, False, True))
        assert distances == pytest.approx([sign * 1.8446744e19] * 3)


def test_brightness_of_a_picture() -> None:
    assert _values(sitk.Multiply(0.2126, _image([200], "uint8"))) == [0]


def test_grids_agree_within_a_millionth() -> None:
    first, second = _image([1], "uint8"), _image([1], "uint8")
    second.SetOrigin((5e-7, 0))
    assert _values(sitk.And(first, second)) == [1]
    second.SetOrigin((1e-4, 0))
    with pytest.raises(RuntimeError):
        sitk.And(first, second)


def test_pictures_of_numbers_are_cut_off_and_wrap() -> None:
    assert _values(sitk.Cast(_image([2.6, 300], "float32"), sitk.sitkUInt8)) == [2, 44]
