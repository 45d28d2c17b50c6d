"""What was opened: cases and layers, headers and volumes, programs, runs."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

pytest.importorskip("starlette", reason="the extra view is not installed")

from tests.cli.command import voxgpu
from tests.viewer.serving import PROGRAM, Served, serving, write_case
from voxgpu.diagnostics import ImgqlError
from voxgpu.store.open import StoreOptions
from voxgpu.viewer.opened import opened


def test_cases_are_folders_with_images_and_layers_are_named_without_them(served: Served) -> None:
    found = served.ask("GET", "api/dataset").json
    assert found["roots"] == [{"id": "0", "label": "study"}]
    assert found["layers"] == ["v", "w"] and found["programs"] == ["0/p.imgql"]
    assert found["open"] == [] and found["definitions"] == {}
    layers = {"v": "0/a/a_v.nii.gz", "w": "0/a/a_w.nii.gz"}
    assert found["cases"][0] == {"id": "0/a", "name": "a", "layers": layers}
    assert [each["id"] for each in found["cases"]] == ["0/a", "0/b"]


def test_folders_within_folders(tmp_path: Path) -> None:
    root = tmp_path / "set"
    write_case(root / "sub-1" / "anat", "T1w")
    anat = root / "sub-1" / "anat"
    (anat / "anat_T1w.nii.gz").rename(anat / "sub-1_T1w.nii.gz")
    shutil.copy(anat / "sub-1_T1w.nii.gz", root / "sub-1.nii.gz")
    write_case(root / ".hidden", "v")
    (anat / "sub-1_T1w.json").write_text("{}")
    (anat / "notes.txt").write_text("")
    voxels = np.zeros((2, 3, 4), np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(anat / "é ü#%.mha"))
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(anat / "sub-1_T1w.mha"))
    with serving([root], tmp_path / "files") as served:
        found = served.ask("GET", "api/dataset").json
        first, second = found["cases"]
        assert first == {"id": "0", "name": "set", "layers": {"sub-1": "0/sub-1.nii.gz"}}
        assert second["name"] == "sub-1/anat"
        assert set(second["layers"]) == {"T1w", "sub-1_T1w.nii.gz", "é ü#%"}
        encoded = "0/sub-1/anat/%C3%A9%20%C3%BC%23%25.mha"
        header = served.ask("GET", f"api/header/{encoded}").json
        assert header["size"] == [4, 3, 2] and header["type"] == "uint8"
        (anat / "é ü#%.mha").unlink()
        answer = served.ask("GET", f"api/volume/{encoded}")
        assert answer.status == 404 and "not there any more" in answer.json["error"]
        assert len(served.ask("GET", "api/dataset").json["cases"][1]["layers"]) == 2


def test_a_folder_of_dicom_files_is_one_image(tmp_path: Path) -> None:
    series = tmp_path / "study" / "patient" / "t1"
    series.mkdir(parents=True)
    uid = "1.2.826.0.1.3680043.8.498.1"
    for place in range(3):
        image = sitk.GetImageFromArray(np.full((4, 5), place, np.int16))
        for tag, value in {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.4",
            "0008|0018": f"{uid}.{place + 1}",
            "0008|0060": "MR",
            "0020|000d": f"{uid}.8",
            "0020|000e": f"{uid}.9",
            "0020|0013": str(place + 1),
            "0020|0032": f"0\\0\\{2 * place}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }.items():
            image.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(series / f"{place}.dcm"))
        writer.Execute(image)
    with serving([tmp_path / "study"], tmp_path / "files") as served:
        (case,) = served.ask("GET", "api/dataset").json["cases"]
        assert case == {"id": "0/patient", "name": "patient", "layers": {"t1": "0/patient/t1"}}
        header = served.ask("GET", "api/header/0/patient/t1").json
        assert (header["size"], header["maximum"]) == ([5, 4, 3], 2.0)
        got = _image(served.ask("GET", "api/volume/0/patient/t1").body, tmp_path)
        assert got.shape == (5, 4, 3)


def test_too_many_folders_are_told(
    served: Served, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served.ask("GET", "api/dataset").json["complete"]
    monkeypatch.setattr("voxgpu.viewer.dataset.MOST_FOLDERS", 2)
    found = served.ask("GET", "api/dataset").json
    assert not found["complete"] and [each["id"] for each in found["cases"]] == ["0/a"]


def test_headers(served: Served) -> None:
    found = served.ask("GET", "api/header/0/a/a_v.nii.gz").json
    assert found == {
        "size": [12, 12, 12],
        "spacing": [1.0, 2.0, 3.0],
        "components": 1,
        "volumes": 1,
        "type": "int16",
        "minimum": 0.0,
        "maximum": 99.0,
        "label": "a_v.nii.gz",
    }


def _image(body: bytes, folder: Path) -> nibabel.Nifti1Image:
    (folder / "got.nii.gz").write_bytes(body)
    found = nibabel.load(folder / "got.nii.gz")
    assert isinstance(found, nibabel.Nifti1Image)
    return found


@pytest.mark.parametrize("name", ["v.nii", "v.mha", "v.nrrd", "v2.nii.gz", "d.nii", "nan.nii"])
def test_any_image_comes_as_compressed_nifti_1(tmp_path: Path, name: str) -> None:
    root = tmp_path / "study"
    root.mkdir()
    voxels = np.arange(24, dtype=np.float64).reshape(2, 3, 4) / 8
    if name == "nan.nii":
        voxels[0, 0] = np.nan
    image = sitk.GetImageFromArray(voxels if name[0] == "d" else voxels.astype(np.float32))
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin((4.0, 5.0, 6.0))
    if name == "v2.nii.gz":
        affine = np.diag([-1.0, -2.0, 3.0, 1.0])
        nibabel.save(nibabel.Nifti2Image(voxels.T.astype(np.float32), affine), root / name)
    else:
        sitk.WriteImage(image, str(root / name))
    with serving([root], tmp_path / "files") as served:
        answer = served.ask("GET", f"api/volume/0/{name}")
        assert answer.status == 200 and gzip.decompress(answer.body)[344:348] == b"n+1\0"
        got = _image(answer.body, tmp_path)
        assert np.array_equal(got.get_fdata(), voxels.T, equal_nan=True)
        assert got.header.get_zooms() == (1.0, 2.0, 3.0)
        assert served.ask("GET", f"api/volume/0/{name}").body == answer.body
        header = served.ask("GET", f"api/header/0/{name}").json
        assert header["maximum"] == 23 / 8
        assert header["minimum"] == (0.5 if name == "nan.nii" else 0.0)


def test_nifti_1_comes_as_it_is(served: Served, folder: Path) -> None:
    answer = served.ask("GET", "api/volume/0/a/a_v.nii.gz")
    assert answer.body == (folder / "a" / "a_v.nii.gz").read_bytes()


def test_damaged_and_other_files(tmp_path: Path) -> None:
    root = tmp_path / "study"
    root.mkdir()
    (root / "v.nii.gz").write_bytes(b"no image")
    (root / "secret.txt").write_text("secret")
    with serving([root], tmp_path / "files") as served:
        for address in ("header", "volume"):
            answer = served.ask("GET", f"api/{address}/0/v.nii.gz")
            assert (
                answer.status == 422
                and answer.json["error"]
                and str(root) not in answer.json["error"]
            )
            assert served.ask("GET", f"api/{address}/0/secret.txt").status == 415


def test_of_named_files_only_these_are_served(folder: Path, tmp_path: Path) -> None:
    with serving([folder / "a" / "a_v.nii.gz"], tmp_path / "files") as served:
        found = served.ask("GET", "api/dataset").json
        case = {"id": "0", "name": "a", "layers": {"v": "0/a_v.nii.gz"}}
        assert found["cases"] == [case] and found["open"] == ["0"]
        assert served.ask("GET", "api/volume/0/a_v.nii.gz").status == 200
        assert served.ask("GET", "api/volume/0/a_w.nii.gz").status == 404
        assert served.value(PROGRAM, "v", "0").status == 200
        assert served.value('load w = "$CASE/a_w.nii.gz"', "w", "0").status == 422


def test_programs_that_are_named(folder: Path, tmp_path: Path) -> None:
    names = [folder / "a" / "a_v.nii.gz", folder / "b" / "b_w.nii.gz", folder / "p.imgql"]
    with serving(names, tmp_path / "files") as served:
        found = served.ask("GET", "api/dataset").json
        assert [each["name"] for each in found["cases"]] == ["a", "b"]
        assert found["open"] == ["0", "1"] and found["programs"] == ["2/p.imgql"]
        assert served.ask("GET", "api/programs/2/p.imgql").json["text"] == PROGRAM


def test_a_run_is_opened_with_what_its_images_were_made_from(folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    program = tmp_path / "p.imgql"
    program.write_text(PROGRAM)
    case = folder / "a"
    ended = voxgpu(
        "run", program, "-D", f"CASE={case}", "-D", "NAME=a", "-o", "out", "--store", store,
        "--json", cwd=tmp_path,
    )  # fmt: skip
    run = ended.json["run"]
    with serving([run[:-2]], tmp_path / "files", StoreOptions(store)) as served:
        found = served.ask("GET", "api/dataset").json
        (shown,) = found["cases"]
        assert shown["name"] == f"run {run}" and found["open"] == [shown["id"]]
        assert set(shown["layers"]) == {"v", "high"}
        for id in shown["layers"].values():
            assert served.ask("GET", f"api/volume/{id}").status == 200
        (program_id,) = found["programs"]
        assert served.ask("GET", f"api/programs/{program_id}").json["text"] == PROGRAM
        assert found["definitions"] == {"CASE": str(case), "NAME": "a"}


def test_names_that_stand_for_nothing(tmp_path: Path) -> None:
    for names in (["nothing"], ["nothing", str(tmp_path)]):
        with pytest.raises(ImgqlError) as raised:
            opened(names, tmp_path / "store", (), {})
        (found,) = raised.value.diagnostics
        assert "`nothing`" in found.message and "voxgpu runs" in found.help
