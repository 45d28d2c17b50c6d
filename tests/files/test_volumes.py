"""A NIfTI file of several volumes is a sequence of images, read and written one by one."""

from __future__ import annotations

import gzip
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import voxgpu
from voxgpu.files import nifti_volume
from voxgpu.files.errors import FileError
from voxgpu.files.header import read_header
from voxgpu.files.read import read_image, read_with_warning
from voxgpu.store.input_file_cache import SeenFiles
from voxgpu.store.open import open_disk

VOXELS = np.random.default_rng(0).integers(-90, 500, (7, 6, 5, 9)).astype(np.int16)
AFFINE = np.array([[-2, 0.1, 0, 10], [0.1, 2, 0, -4], [0, 0, 3.5, 7], [0, 0, 0, 1.0]])


def _put(path: Path, voxels: np.ndarray = VOXELS, kind: Any = nib.Nifti1Image) -> Path:
    image = kind(voxels, AFFINE)
    image.header.set_xyzt_units("mm", "sec")
    if voxels.ndim > 3:
        image.header["pixdim"][4] = 1.5
    nib.save(image, path)
    return path


@pytest.fixture(params=["f.nii", "f.nii.gz", "f.img", "two.nii.gz"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    kinds = {"f.img": nib.Nifti1Pair, "two.nii.gz": nib.Nifti2Image}
    return _put(tmp_path / request.param, kind=kinds.get(request.param, nib.Nifti1Image))


def test_volumes_are_items(path: Path) -> None:
    text = f"""
    load x = "{path}"
    print "n" length(x)
    print "maxima" for v in x do max(v)
    save "mean" fold(+, x) / length(x)
    save "last" x[-1]
    save "part" x[2:4]
    """
    result = voxgpu.run(text)
    assert result.numbers == {"n": 9}
    assert result.values["maxima"] == tuple(map(float, VOXELS.max((0, 1, 2))))
    assert np.allclose(result.images["mean"], VOXELS.mean(3).T)
    assert np.array_equal(result.images["last"], VOXELS[..., 8].T)
    assert np.array_equal(result.images["part_0"], VOXELS[..., 2].T)
    assert result.images["last"].dtype == np.int16
    assert np.allclose(result.images["last"].affine, AFFINE, atol=1e-6)


def test_one_file_of_several_volumes_is_written(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = f"""
    load x = "{path}"
    save "same_4d.nii.gz" x
    save "b/Bright.4D.nii" for v in x do v > 100
    save "half4d.nii" for v in x do v * 0.5
    """
    result = voxgpu.run(text, output=out)
    assert not result.warnings and sorted(result.volumes) == sorted(
        each.label for each in result.saved
    )
    expected = {"same_4d.nii.gz": VOXELS, "b/Bright.4D.nii": VOXELS > 100, "half4d.nii": VOXELS / 2}
    for name, voxels in expected.items():
        image = nib.load(out / name)
        assert image.shape == VOXELS.shape and np.array_equal(np.asarray(image.dataobj), voxels)
        assert image.header.get_zooms()[3] == 1.5 and image.header.get_xyzt_units() == ("mm", "sec")
        assert np.allclose(image.affine, AFFINE, atol=1e-5)
        assert len(result.volumes[name]) == 9
    found = {str(each.relative_to(out)) for each in out.rglob("*") if each.is_file()}
    sidecars = {f"{name.partition('.nii')[0]}.json" for name in expected}
    assert found == set(expected) | sidecars, "nothing unfinished is left"
    first = (out / "same_4d.nii.gz").read_bytes()
    voxgpu.run(text, output=out)
    assert (out / "same_4d.nii.gz").read_bytes() == first
    assert [each.as_json()["volumes"] for each in result.saved] == [9, 9, 9]


def test_only_the_volume_is_read_where_nothing_is_packed(tmp_path: Path, monkeypatch: Any) -> None:
    header = read_header(_put(tmp_path / "f.nii"))
    counted: list[int] = []
    from voxgpu.files import nifti_read

    fill = nifti_read.fill
    monkeypatch.setattr(nifti_read, "fill", lambda f, t: (counted.append(len(t)), fill(f, t))[1])
    assert header.volumes == 9 and header.bytes == 2 * 7 * 6 * 5
    assert np.array_equal(read_image(header.at(4)).array, VOXELS[..., 4].T)
    assert counted == [header.bytes]


def _counted_passes(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A list that gets an item each time decompression starts from the beginning."""
    passes: list[bool] = []
    volumes = nifti_volume._volumes

    def counting(*arguments: Any) -> Any:
        passes.append(True)
        return volumes(*arguments)

    monkeypatch.setattr(nifti_volume, "_volumes", counting)
    return passes


def test_packed_data_is_unpacked_about_twice_for_all_volumes(
    tmp_path: Path, monkeypatch: Any
) -> None:
    header = read_header(_put(tmp_path / "f.nii.gz"))
    passes = _counted_passes(monkeypatch)
    for held in (1 << 20, 3 * header.bytes, 0):
        passes.clear()
        monkeypatch.setattr(nifti_volume, "_HELD_BYTES", held)
        for index in (0, 2, 1, 3, 4, 6, 5, 7, 8) if held else range(9):
            assert np.array_equal(read_image(header.at(index)).array, VOXELS[..., index].T)
        assert len(passes) == (1 if held == 1 << 20 else 2), held


@pytest.mark.parametrize("backward", [False, True])
def test_several_files_in_turn_and_backward_are_not_unpacked_for_each_volume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backward: bool
) -> None:
    headers = [read_header(_put(tmp_path / f"{name}.nii.gz")) for name in "abc"]
    passes = _counted_passes(monkeypatch)
    # Files that other tests left partly decompressed would count against the limit.
    monkeypatch.setattr(nifti_volume, "_unpackings", nifti_volume._Unpackings())
    monkeypatch.setattr(nifti_volume, "_HELD_BYTES", 3 * 4 * headers[0].bytes)
    for index in reversed(range(9)) if backward else range(9):
        for header in headers:
            assert np.array_equal(read_image(header.at(index)).array, VOXELS[..., index].T)
    assert len(passes) <= 3 * 3, len(passes)  # to the end once, then in parts of five
    assert not nifti_volume._unpackings._files


def test_volumes_from_several_threads_and_after_a_fork(tmp_path: Path) -> None:
    headers = [read_header(_put(tmp_path / name)) for name in ("a.nii.gz", "b.nii.gz")]
    wrong: list[Any] = []

    def work(seed: int) -> None:
        for index in np.random.default_rng(seed).permutation(9):
            for header in headers:
                if not np.array_equal(
                    read_image(header.at(int(index))).array, VOXELS[..., index].T
                ):
                    wrong.append(index)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong
    read_image(headers[0].at(0))
    child = os.fork() if hasattr(os, "fork") else None
    if child == 0:
        os._exit(int(not np.array_equal(read_image(headers[0].at(1)).array, VOXELS[..., 1].T)))
    if child is not None:
        assert os.waitpid(child, 0)[1] == 0


def test_a_damaged_volume_is_told_of_every_volume(tmp_path: Path) -> None:
    path = _put(tmp_path / "f.nii")
    whole = path.read_bytes()
    packed = gzip.compress(whole, 0)
    (tmp_path / "g.nii.gz").write_bytes(packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:])
    with pytest.raises(FileError, match="damaged"):
        read_image(read_header(tmp_path / "g.nii.gz").at(0))
    (tmp_path / "h.nii.gz").write_bytes(gzip.compress(whole[:-200]))
    with pytest.raises(FileError, match="truncated"):
        read_image(read_header(tmp_path / "h.nii.gz").at(0))
    (tmp_path / "i.nii").write_bytes(whole[:-2])
    with pytest.raises(FileError, match="truncated"):
        read_header(tmp_path / "i.nii")
    for name, told in (("k.nii", whole + b"1"), ("k.nii.gz", gzip.compress(whole + b"1"))):
        (tmp_path / name).write_bytes(told)
        for index in (0, 5, 8):
            voxels, odd = read_with_warning(read_header(tmp_path / name).at(index))
            assert np.array_equal(voxels.array, VOXELS[..., index].T)
            assert "1 bytes follow the voxels" in odd
    (tmp_path / "j.nii.gz").write_bytes(gzip.compress(whole) + b"12")
    assert np.array_equal(
        read_image(read_header(tmp_path / "j.nii.gz").at(8)).array, VOXELS[..., 8].T
    )


@pytest.mark.parametrize("name", ["f.nii", "f.nii.gz"])
def test_a_file_that_was_replaced_is_told(tmp_path: Path, name: str) -> None:
    header = read_header(_put(tmp_path / name))
    read_image(header.at(0))
    _put(tmp_path / "other.nii.gz", VOXELS + 1).replace(tmp_path / name)
    with pytest.raises(FileError, match="changed"):
        read_image(header.at(1))
    fresh = read_header(tmp_path / name)
    assert np.array_equal(read_image(fresh.at(1)).array, VOXELS[..., 1].T + 1)


def test_scales_byte_order_colors_and_single_volumes(tmp_path: Path) -> None:
    image = nib.Nifti1Image(VOXELS, AFFINE)
    image.header.set_slope_inter(0.5, 3)
    nib.save(image, tmp_path / "scaled.nii.gz")
    stored = np.asarray(nib.load(tmp_path / "scaled.nii.gz").dataobj)
    big = nib.Nifti1Image(VOXELS.astype(">f4"), AFFINE, nib.Nifti1Header(endianness=">"))
    nib.save(big, tmp_path / "big.nii")
    for name, expected in (("scaled.nii.gz", stored), ("big.nii", VOXELS)):
        text = f'load x = "{tmp_path / name}"\nsave "v" x[3]'
        found = voxgpu.run(text).images["v"]
        assert found.dtype == np.float32 and np.array_equal(found, expected[..., 3].T)
    colors = np.random.default_rng(1).integers(0, 255, (4, 3, 2, 5, 3)).astype(np.uint8)
    structured = colors.view([(each, "u1") for each in "RGB"])[..., 0]
    nib.save(nib.Nifti1Image(structured, AFFINE), tmp_path / "rgb.nii.gz")
    text = f'load x = "{tmp_path}/rgb.nii.gz"\nsave "r.nii" red(x[4])\nsave "c_4d.nii" x'
    result = voxgpu.run(text, output=tmp_path)
    assert np.array_equal(result.saved[0].image.array, colors[..., 4, 0].T)
    assert np.array_equal(np.asarray(nib.load(tmp_path / "c_4d.nii").dataobj), structured)
    single = _put(tmp_path / "one.nii", VOXELS[..., :1])
    assert voxgpu.run(f'load v = "{single}"\nprint "m" max(v)').numbers["m"] == VOXELS[..., 0].max()


def test_a_fifth_axis_and_other_formats_are_refused(tmp_path: Path) -> None:
    import SimpleITK as sitk

    five = np.zeros((3, 3, 3, 2, 2), np.float32)
    _put(tmp_path / "five.nii", five)
    sitk.WriteImage(sitk.Image([3, 3, 3, 2], sitk.sitkFloat32), str(tmp_path / "four.nrrd"))
    for name in ("five.nii", "four.nrrd"):
        with pytest.raises(FileError, match="dimensions") as caught:
            read_header(tmp_path / name)
        assert "pick one volume" in caught.value.help


def test_where_an_image_is_needed_volumes_are_refused(path: Path) -> None:
    told = voxgpu.check(f'load x = "{path}"\nprint "m" max(x > 3)')
    assert [each.code for each in told] == ["E102"] and "sequence of image" in told[0].message
    computed = f"""
    import "simpleitk"
    let paths = ["{path}", "{path}"]
    print "m" for p in paths do max(ReadImage(p))
    """
    assert "holds 9 volumes" in str(voxgpu.check(computed)[0])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("[x[0], x[1] > 3]", "numbers"),
        ("[x[0], x[1] * 0.5]", "one type of voxel"),
        ("[x[0], resample_to(x[1] * 1, 1)]", "one type of voxel|one grid"),
        ("[x[0] * 1, extract(x[1] * 1, [2, 2, 2], [0, 0, 0])]", "one grid"),
        ("x[3:3]", "empty"),
        ("[x[0:2], x[2:4]]", "sequence of sequences"),
    ],
)
def test_volumes_that_do_not_fit_are_refused(tmp_path: Path, value: str, reason: str) -> None:
    path = _put(tmp_path / "f.nii")
    with pytest.raises(voxgpu.ImgqlError, match=reason):
        voxgpu.run(f'load x = "{path}"\nsave "y_4d.nii" {value}', output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("later", ["i", "(3 - i)"], ids=["the first", "the last"])
def test_a_volume_that_fails_leaves_no_file(tmp_path: Path, later: str) -> None:
    path = _put(tmp_path / "f.nii.gz")
    text = f"""
    load x = "{path}"
    save "y_4d.nii.gz" for i in range(4) do x[i] * avg(x[i], x[i] > 499 - 200 * {later})
    print "n" length(x)
    """
    result = voxgpu.run(text, output=tmp_path / "out", on_error="collect")
    assert not result.ok and 'save "y_4d.nii.gz"' in str(result.errors[0])
    assert result.numbers == {"n": 9} and not result.saved
    assert not [each for each in (tmp_path / "out").rglob("*") if each.is_file()]


def test_headers_of_several_volumes_are_remembered(tmp_path: Path) -> None:
    path = _put(tmp_path / "f.nii.gz")
    os.utime(path, (1e9, 1e9))
    program = f'load x = "{path}"\nprint "m" for v in x do max(v)'
    store = tmp_path / "store"
    first = voxgpu.run(program, store=store, keep="all")
    again = voxgpu.run(program, store=store, keep="all")
    assert first.values == again.values and again.computed < first.computed
    disk = open_disk(store)
    seen, header = SeenFiles(disk.index), read_header(path)
    seen.note_header(str(path), replace(header))
    found = seen.header(str(path))
    assert found is None or (found == header and found.grid.nifti == header.grid.nifti)
    disk.close()


@pytest.mark.parametrize("name", ["a.mgz", "a.mgh"])
def test_files_of_freesurfer(tmp_path: Path, name: str) -> None:
    affine = np.array([[-1.2, 0, 0, 10], [0, 0, 1, 5], [0, -2.0, 0, 3], [0, 0, 0, 1]])
    for voxels in (VOXELS[..., 0], VOXELS[..., 0].astype(np.float32), VOXELS):
        nib.save(nib.MGHImage(voxels, affine), tmp_path / name)
        item = "x[7]" if voxels.ndim > 3 else "x"
        text = f'load x = "{tmp_path / name}"\nsave "v" {item}'
        found = voxgpu.run(text).images["v"]
        expected = voxels[..., 7] if voxels.ndim > 3 else voxels
        assert np.array_equal(found, expected.T) and found.dtype == voxels.dtype
        assert np.allclose(found.affine, affine, atol=1e-4) and found.spacing == (1.0, 2.0, 1.2)


def test_files_of_freesurfer_that_cannot_be_read(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "a.mgz"
    nib.save(nib.MGHImage(VOXELS, np.eye(4)), path)
    whole = gzip.decompress(path.read_bytes())
    for bad in (b"", b"abc", bytes(400), gzip.compress(bytes(400)), path.read_bytes()[:-100]):
        (tmp_path / "b.mgz").write_bytes(bad)
        with pytest.raises(FileError):
            read_image(read_header(tmp_path / "b.mgz").at(0))
    (tmp_path / "c.mgz").write_bytes(gzip.compress(whole[:1000]))
    with pytest.raises(FileError, match="truncated"):
        read_image(read_header(tmp_path / "c.mgz").at(0))
    monkeypatch.setitem(__import__("sys").modules, "nibabel", None)
    with pytest.raises(FileError) as caught:
        read_header(path)
    assert "voxgpu[freesurfer]" in caught.value.help


@pytest.mark.parametrize(
    ("expression", "help"),
    [
        ("max(x)", "for v in xs do max(v)"), ("x > 3", "for v in xs do v > …"),
        ("3 > x", "for v in xs do … > v"), ("x > x", "for i in range(length(xs)) do xs[i] > ys[i]"),
        ("percentiles(x, x[0] > 1, 0.5)", "do percentiles(v, …, …)"),
        ("length(x[0])", "[v] is the sequence of one"),
        ("for v in x[0] do max(v)", "[v] is the sequence of one"),
    ],
)  # fmt: skip
def test_a_sequence_in_place_of_an_image_is_told_with_what_to_write(
    tmp_path: Path, expression: str, help: str
) -> None:
    path = _put(tmp_path / "a.nii")
    (found,) = voxgpu.check(f'load x = "{path}"\nlet y = {expression}')
    assert found.code == "E102" and help in found.help


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_the_mean_of_volumes_is_their_sum_by_their_number(tmp_path: Path, kind: type) -> None:
    voxels = (np.random.default_rng(0).random((4, 5, 6, 7)) * 1000).astype(kind)
    nib.save(nib.Nifti1Image(voxels, np.eye(4)), tmp_path / "x.nii")
    text = f"""load x = "{tmp_path / "x.nii"}"
    save "m" mean(x)
    save "f" fold(+, x) / length(x)
    """
    found = voxgpu.run(text).values
    total = voxels[..., 0].astype(np.float32)
    for number in range(1, 7):
        total += voxels[..., number]
    expected = (total / np.float32(7)).transpose(2, 1, 0)
    assert np.array_equal(np.asarray(found["m"]), np.asarray(found["f"]))
    assert np.allclose(np.asarray(found["m"]), expected, rtol=1e-6)
