"""Numbers that SimpleITK's voxels cannot represent, masks as regions, and noise in threads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from voxgpu.diagnostics import ImgqlError

RAMP = np.arange(0, 250, dtype=np.int64).reshape(5, 10, 5)


@pytest.fixture(autouse=True)
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ramp in uint8 and one in int16."""
    monkeypatch.chdir(tmp_path)
    sitk.WriteImage(sitk.GetImageFromArray(RAMP.astype(np.uint8)), "u.nrrd")
    sitk.WriteImage(sitk.GetImageFromArray((RAMP * 100).astype(np.int16)), "i.nrrd")


def _value(expression: str) -> object:
    text = f'import "simpleitk"\nload u = "u.nrrd"\nload i = "i.nrrd"\nprint "x" {expression}\n'
    result = voxgpu.run(text)
    assert not result.errors
    return result.prints[0].value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("volume(Threshold(u, 100, 256, 0) > 0)", np.sum(RAMP >= 100)),
        ("volume(Threshold(i, 100, 99999, 0) > 0)", np.sum(RAMP * 100 >= 100)),
        ("volume(Threshold(u, 100.5, 256, 0) > 0)", np.sum(RAMP > 100)),
        ("volume(BinaryThreshold(i, 100, 99999, 1, 0) > 0)", np.sum(RAMP >= 1)),
        ("volume(BinaryThreshold(u, -5, 99999, 1, 0) > 0)", RAMP.size),
        ("min(Threshold(u, 100, 200, -1))", -1),
        ("max(Add(u, 300))", 549),
        ("max(Add(u, u))", 498),
        ("min(Subtract(u, 10))", -10),
        ("max(Multiply(i, i))", 24900**2),
        ("max(Square(i))", 24900**2),
        ("min(UnaryMinus(u))", -249),
    ],
)
def test_numbers_that_the_element_has_not_do_not_wrap(expression: str, expected: float) -> None:
    # `min` and `max` read float64 voxels as float32.
    assert _value(expression) == float(np.float32(expected))


def test_numbers_that_fit_keep_the_element() -> None:
    text = 'load u = "u.nrrd"\nsave "t.nrrd" simpleitk.Threshold(u, 100, 200, 0)\n'
    assert voxgpu.run(text).saved[0].image.element == np.uint8


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("volume(BinaryThreshold(i, 100, 99999, 1, 0))", 249),
        ("volume(!BinaryThreshold(i, 100, 99999, 1, 0))", 1),
        ("volume(BinaryThreshold(i, 0, 100, 255, 0) | u > 247)", 4),
        ("avg(u, ConnectedThreshold(u, [[0, 0, 0]], 0, 9, 1))", 4.5),
        ("let m = BinaryThreshold(u, 240, 255, 1, 0) in volume(m)", 10),
        ("(let m = BinaryThreshold(u, 240, 255, 1, 0) in max(m + 1))", 2),
        ("volume(if true then BinaryThreshold(u, 1, 2, 1, 0) else OtsuThreshold(u))", 2),
        ("volume(ConnectedComponent(BinaryThreshold(u, 1, 2, 1, 0)))", 2),
    ],
)
def test_masks_of_filters_are_regions(expression: str, expected: float) -> None:
    assert _value(expression) == expected


def test_a_sweep_of_thresholds_beyond_the_element() -> None:
    sweep = "for k in range(3) do volume(BinaryThreshold(u, 100 + k, 99999, 1, 0))"
    assert _value(sweep) == (150.0, 149.0, 148.0)


def test_functions_get_masks_and_regions() -> None:
    text = (
        'load u = "u.nrrd"\nlet size(m) = volume(m)\n'
        'print "a" size(simpleitk.BinaryThreshold(u, 9, 18, 1, 0))\nprint "b" size(u > 239)\n'
    )
    assert [each.value for each in voxgpu.run(text).prints] == [10.0, 10.0]


def test_images_of_other_filters_are_no_regions() -> None:
    with pytest.raises(ImgqlError, match="needs an image of true/false"):
        _value("volume(Threshold(u, 1, 2, 0))")


def test_noise_does_not_touch_what_other_threads_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the run itself limits the threads of all filters, once, and restores them."""
    process, numbers = sitk.ProcessObject, []
    before = process.GetGlobalDefaultNumberOfThreads()
    change = process.SetGlobalDefaultNumberOfThreads

    def changed(number: int) -> None:
        numbers.append(number)
        change(number)

    monkeypatch.setattr(process, "SetGlobalDefaultNumberOfThreads", changed)
    goals = "".join(
        f'save "n{k}.nrrd" simpleitk.AdditiveGaussianNoise(i + {k}, 10, 0)\n' for k in range(4)
    )
    found = []
    for threads in (1, 4):
        numbers.clear()
        result = voxgpu.run(f'load i = "i.nrrd"\n{goals}', threads=threads)
        assert numbers == [threads, before]
        found.append([each.image.array.tobytes() for each in result.saved])
    assert found[0] == found[1]
