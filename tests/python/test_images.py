"""Images of Python libraries are converted with their voxels and their geometry, both ways."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from voxgpu.image import Grid

VOXELS = np.random.default_rng(0).integers(-20, 500, (5, 6, 7)).astype(np.int16)
#: Rotated about z by 30° and mirrored, with three spacings.
AFFINE = np.array(
    [[-1.2 * np.cos(0.5), 2 * np.sin(0.5), 0, 10],
     [1.2 * np.sin(0.5), 2 * np.cos(0.5), 0, -4], [0, 0, 3.5, 7], [0, 0, 0, 1]]
)  # fmt: skip


def _loaded(image: object) -> voxgpu.Image:
    return voxgpu.run('load v = "no such file"\nsave "v" v', images={"v": image}).images["v"]


def test_affine_and_back() -> None:
    image = voxgpu.Image.from_array(VOXELS, affine=AFFINE)
    assert np.allclose(image.affine, AFFINE, atol=1e-12)
    assert image.spacing == pytest.approx((3.5, 2, 1.2))
    assert image.grid.origin == pytest.approx((-10, 4, 7))


@pytest.mark.parametrize("element", ["bool", "uint8", "int16", "uint16", "int32", "float32"])
@pytest.mark.parametrize("kind", ["nibabel", "sitk", "image"])
def test_there_and_back(element: str, kind: str) -> None:
    image = voxgpu.Image.from_array(VOXELS.astype(element), affine=AFFINE)
    other: Any = {"nibabel": image.to_nibabel, "sitk": image.to_sitk, "image": lambda: image}[
        kind
    ]()
    found = _loaded(other)
    expected = "uint8" if element == "bool" and kind != "image" else element
    assert found.dtype == expected and np.array_equal(found, image.array)
    assert np.allclose(found.affine, AFFINE, atol=1e-5)


@pytest.mark.parametrize("element", ["uint8", "float32"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colors(channels: int, element: str) -> None:
    array = np.random.default_rng(1).integers(0, 255, (4, 5, 6, channels)).astype(element)
    image = voxgpu.Image.from_array(array, channels=True)
    assert image.channels == channels and image.grid.shape == (4, 5, 6)
    assert np.array_equal(voxgpu.Image.from_sitk(image.to_sitk()), array)
    program = 'load v = ""\nsave "r" red(v)'
    red = voxgpu.run(program, images={"v": image}).images["r"]
    assert np.array_equal(red, array[..., 0])
    if element == "uint8":
        assert np.array_equal(voxgpu.Image.from_nibabel(image.to_nibabel()), array)


@pytest.mark.parametrize("scaled", [False, True])
def test_nibabel_lies_where_its_file_would(tmp_path: Path, scaled: bool) -> None:
    image = nib.Nifti1Image(VOXELS.T, AFFINE)
    image.header.set_xyzt_units("mm")
    if scaled:
        image.header.set_slope_inter(0.5, 3)
    path = tmp_path / "a.nii.gz"
    nib.save(image, path)
    loaded = nib.load(path)
    found = voxgpu.run(f'load v = "{path}"\nsave "v" v').images["v"]
    given = _loaded(loaded)
    assert given.grid == found.grid and given.dtype == found.dtype
    assert np.array_equal(given, found.array)


def test_saved_files_are_those_of_programs(tmp_path: Path) -> None:
    image = voxgpu.Image.from_array(VOXELS, affine=AFFINE)
    image.save(tmp_path / "a.nii.gz")
    program = f'load v = "x"\nsave "{tmp_path}/b.nii.gz" v'
    voxgpu.run(program, images={"v": image}, output=tmp_path)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    image.to_nibabel().to_filename(tmp_path / "c.nii.gz")
    other = voxgpu.run(f'load v = "{tmp_path}/c.nii.gz"\nsave "v" v').images["v"]
    assert np.array_equal(other, VOXELS) and other.grid.agrees_with(image.grid, 1e-6)
    with pytest.raises(ValueError, match=r"suffix|format"):
        image.save(tmp_path / "a.what")
    with pytest.raises(OSError, match="cannot write"):
        image.save(Path("/proc/none/a.nii"))


class OnDevice:
    """The interface of CuPy's arrays."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.__cuda_array_interface__ = {"shape": array.shape}

    def __array__(self, *_: object) -> np.ndarray:
        raise TypeError("implicit conversion to a NumPy array is not allowed")

    def get(self) -> np.ndarray:
        return self._array


def test_arrays_of_other_libraries_and_orders() -> None:
    for array in (
        OnDevice(VOXELS), np.asfortranarray(VOXELS), VOXELS[::-1, :, ::2], VOXELS.astype(">i2"),
        VOXELS.astype(np.float16), VOXELS.tolist(), VOXELS[0],
    ):  # fmt: skip
        expected = np.asarray(array.get() if isinstance(array, OnDevice) else array)
        found = _loaded(array)
        assert np.array_equal(found, expected) and found.dtype.isnative


@pytest.mark.parametrize(
    "array",
    [
        VOXELS.astype(complex), VOXELS.astype(object), VOXELS.astype(np.longdouble),
        np.ma.masked_less(VOXELS, 0), "a.nii.gz", Path("a.nii"), b"abc", None, object(),
        np.zeros((2, 3, 4, 5)), np.zeros(4), np.zeros((0, 3, 4)), np.float64(3),
        np.array(["a", "b"]), np.zeros((3, 3), "M8[s]"),
    ],
    ids=lambda each: type(each).__name__,
)  # fmt: skip
def test_what_is_no_image_is_refused_by_name(array: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"images\['v'\]: "):
        _loaded(array)


@pytest.mark.parametrize(
    "affine",
    [
        np.eye(3), np.diag([1, 1, 0, 1.0]), np.full((4, 4), np.nan),
        [[1, 0.1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
        [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]],
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 1, 1]],
    ],
    ids=range(6),
)  # fmt: skip
def test_axes_that_make_no_grid_are_refused(affine: object) -> None:
    with pytest.raises(ValueError, match="affine"):
        voxgpu.Image.from_array(VOXELS, affine=affine)


def test_places_that_do_not_fit_are_refused() -> None:
    image = voxgpu.Image.from_array(VOXELS)
    assert voxgpu.Image.from_array(VOXELS > 0, like=image).grid == image.grid
    for wrong in ({"like": image}, {"spacing": (1, 2)}, {"spacing": (0, 1, 1)}):
        with pytest.raises(ValueError):
            voxgpu.Image.from_array(VOXELS[:3], **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="fit"):
        voxgpu.Image(VOXELS, Grid.regular((1, 2, 3)))
    four = nib.Nifti1Image(np.zeros((3, 3, 3, 2), np.float32), np.eye(4))
    with pytest.raises(ValueError, match="slicer"):
        voxgpu.Image.from_nibabel(four)


def test_numpy_takes_an_image_for_an_array() -> None:
    image = voxgpu.Image.from_array(VOXELS)
    assert np.asarray(image) is image.array
    assert np.array(image) is not image.array and np.array(image).flags.writeable
    assert np.asarray(image, np.float32).dtype == np.float32
    with pytest.raises(ValueError):
        np.array(image, np.float32, copy=False)
    assert np.mean(image) == VOXELS.mean()


def test_images_are_shown_and_pickled() -> None:
    image = voxgpu.Image.from_array(VOXELS, spacing=(3, 2, 1.5))
    assert repr(image) == "<voxgpu.Image 7×6×5 of int16, 1.5×2×3 mm>"
    other = pickle.loads(pickle.dumps(image))
    assert isinstance(other, voxgpu.Image) and other.grid == image.grid
    assert np.array_equal(other, VOXELS)
    of = voxgpu.Image.from_array
    nothing = of(np.full((2, 3, 4), np.nan, np.float32))
    colors = of(np.zeros((2, 3, 4, 3), np.uint8), channels=True)
    for shown in (image, of(VOXELS > 3), of(VOXELS[0]), nothing, colors):
        text = shown._repr_html_()
        assert text.startswith("<figure><img src=") and "voxels" in text


def test_what_the_caller_does_to_an_array_later_changes_nothing() -> None:
    array = VOXELS.copy()
    with voxgpu.Session() as session:
        program = 'load v = ""\nprint "m" max(v)\nsave "v" v'
        first = session.run(program, images={"v": array})
        array[:] = 0
        assert np.array_equal(first.images["v"], VOXELS)
        with pytest.raises(ValueError, match="read-only"):
            first.images["v"].array[:] = 1
        assert session.run(program, images={"v": array}).numbers["m"] == 0
        assert session.run(program, images={"v": VOXELS}).numbers["m"] == VOXELS.max()


def test_equal_content_in_another_place_is_another_value(tmp_path: Path) -> None:
    program = 'load v = ""\nprint "size" volume_mm3(v > 100)'
    found = []
    for spacing, element in (((1, 1, 1), "int16"), ((1, 1, 2), "int16"), ((1, 1, 1), "float32")):
        image = voxgpu.Image.from_array(VOXELS.astype(element), spacing=spacing)
        result = voxgpu.run(program, images={"v": image}, store=tmp_path, keep="all")
        found.append((result.numbers["size"], result.reused))
    count = float((VOXELS > 100).sum())
    assert [size for size, _ in found] == [count, 2 * count, count]
    assert [reused for _, reused in found] == [0, 0, 0]
    again = voxgpu.run(program, images={"v": VOXELS.copy()}, store=tmp_path, keep="all")
    assert again.reused == 1 and again.numbers["size"] == count


def test_truth_values_are_a_region_and_sitk_of_four_dimensions_is_refused() -> None:
    program = 'load v = ""\nprint "n" volume(near(v))'
    assert voxgpu.run(program, images={"v": VOXELS > 400}).numbers["n"] > 0
    with pytest.raises(ValueError, match=r"images\['v'\].*one volume"):
        voxgpu.run(program, images={"v": sitk.Image([2, 2, 2, 2], sitk.sitkFloat32)})


@pytest.mark.parametrize(
    ("direction", "said"),
    [((1, 0.1, 0, 0, 1, 0, 0, 0, 1), "sheared: 5.71°.*SimpleITK.Resample"),
     ((2, 0, 0, 0, 1, 0, 0, 0, 1), "in place of 1"), ((0, 1.5, 1, 0), "in place of 1")],
)  # fmt: skip
def test_places_in_which_no_file_could_be_loaded_are_refused(
    direction: tuple[float, ...], said: str
) -> None:
    image = sitk.GetImageFromArray(VOXELS if len(direction) == 9 else VOXELS[0])
    image.SetDirection(direction)
    with pytest.raises(ValueError, match=said):
        _loaded(image)


def test_images_without_voxels_are_refused() -> None:
    with pytest.raises(ValueError, match="no voxels"):
        _loaded(sitk.Image())


def test_help_for_images_in_memory_names_no_file() -> None:
    sheared = AFFINE.copy()
    sheared[0, 1] += 0.5
    with pytest.raises(ValueError, match="sheared") as caught:
        _loaded(nib.Nifti1Image(VOXELS, sheared))
    assert "ReadImage" not in str(caught.value) and "load(" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"spacing": "111"}, {"spacing": 2}, {"like": VOXELS}, {"spacing": (1, 2)}], ids=str
)
def test_places_of_another_kind(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"spacing is|like is"):
        voxgpu.Image.from_array(VOXELS, **wrong)
    with pytest.raises(TypeError, match="a grid is needed"):
        voxgpu.Image(VOXELS, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [2**64 - 1, -(2**63), 1.7e308, -1.7e308, 0, np.nan, np.inf], ids=str
)
def test_numbers_of_any_size_are_shown(value: float, recwarn: pytest.WarningsRecorder) -> None:
    kind = {2**64 - 1: "uint64", -(2**63): "int64"}.get(int(value) if np.isfinite(value) else 0)
    array = np.full((2, 3, 4), value, kind or "float64")
    shown = voxgpu.Image.from_array(array)._repr_html_()
    if np.isfinite(value):
        assert f"{value:.6g}, {float(value):.6g}, {value:.6g}" in shown
    assert not recwarn.list


def test_warnings_show_the_line_of_the_caller(tmp_path: Path) -> None:
    nowhere = nib.Nifti1Image(VOXELS, None)
    with pytest.warns(UserWarning, match="no sform") as caught:
        voxgpu.Image.from_nibabel(nowhere)
        _loaded(nowhere)
        voxgpu.Image.from_array(VOXELS[0]).save(tmp_path / "a.png")
    assert len(caught) == 3 and {each.filename for each in caught} == {__file__}


def test_home_is_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert voxgpu.Image.from_array(VOXELS).save("~/a.nii") == tmp_path / "a.nii"
    assert (tmp_path / "a.nii").exists()
