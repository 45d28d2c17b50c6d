import os

import numpy as np
import pytest
import SimpleITK
from nifti_samples import random_voxels, same_bits

from voxgpu.files.errors import FileError
from voxgpu.files.header import read_header
from voxgpu.files.options import ReadOptions
from voxgpu.files.read import read_image

VOLUME = random_voxels("int16", 5 * 6 * 7).reshape(5, 6, 7)
OBLIQUE = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def write_series(folder, name="1.2.3.4", places=range(5), row_column=(1, 0, 0, 0, 1, 0)):
    folder.mkdir(exist_ok=True)
    writer = SimpleITK.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    across = np.cross(row_column[:3], row_column[3:])
    for index, place in enumerate(places):
        image = SimpleITK.GetImageFromArray(VOLUME[index])
        image.SetSpacing((1.5, 2))
        position = np.array([4, 5, 6]) + 3 * place * across
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.4",
            "0008|0018": f"{name}.{index + 1}",
            "0008|0060": "MR",
            "0008|103e": f"series {name}",
            "0020|000d": "1.2.3",
            "0020|000e": name,
            "0020|0013": str(index),
            "0020|0032": "\\".join(f"{p:g}" for p in position),
            "0020|0037": "\\".join(f"{d:g}" for d in row_column),
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        # Names run against the order of slices, so that names cannot provide the order.
        writer.SetFileName(str(folder / f"{name}-{9 - index}.dcm"))
        writer.Execute(image)
    return folder


def problem(path) -> FileError:
    with pytest.raises(FileError) as caught:
        read_header(path)
    return caught.value


@pytest.mark.parametrize("row_column", [(1, 0, 0, 0, 1, 0), OBLIQUE, (0.6, 0.8, 0, -0.8, 0.6, 0)])
def test_a_series_is_one_volume(tmp_path, row_column):
    folder = write_series(tmp_path / "scan", row_column=row_column)
    header = read_header(folder)
    assert (header.path, header.element, header.channels) == (str(folder), "int16", 1)
    assert [name.rsplit("-")[-1] for name in header.files] == [f"{9 - n}.dcm" for n in range(5)]
    assert same_bits(read_image(header).array, VOLUME)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(header.files)
    expected = reader.Execute()
    assert header.grid.spacing == pytest.approx(expected.GetSpacing()[::-1])
    assert header.grid.origin == expected.GetOrigin()
    assert header.grid.direction == expected.GetDirection()


def test_one_slice_is_a_volume_one_voxel_thick(tmp_path):
    folder = write_series(tmp_path / "scan", places=[0])
    for path in (folder, folder / "1.2.3.4-9.dcm"):
        header = read_header(path)
        assert (header.grid.shape, header.grid.spacing[1:]) == ((1, 6, 7), (2.0, 1.5))
        assert same_bits(read_image(header).array, VOLUME[:1])


def test_several_series(tmp_path):
    folder = write_series(tmp_path / "it's two", "1.2.3.4")
    write_series(folder, "1.2.3.5", places=range(3))
    caught = problem(folder)
    assert "2 DICOM series" in caught.reason
    assert "1.2.3.4 (5 files, series 1.2.3.4)" in caught.reason
    assert "1.2.3.5 (3 files, series 1.2.3.5)" in caught.reason
    assert f"load `{folder}#1.2.3.4`" in caught.help
    assert "--series 1.2.3.4" in caught.help
    assert read_header(f"{folder}#1.2.3.4").grid.shape == (5, 6, 7)
    assert read_header(folder, ReadOptions(series="1.2.3.5")).grid.shape == (3, 6, 7)
    assert "no DICOM series 9" in problem(f"{folder}#9").reason


def test_an_option_for_several_series_leaves_folders_of_one_alone(tmp_path):
    folder = write_series(tmp_path / "scan")
    assert read_header(folder, ReadOptions(series="9")).grid.shape == (5, 6, 7)
    assert "no DICOM series 9" in problem(f"{folder}#9").reason


def test_a_folder_with_a_mark_in_its_name(tmp_path):
    assert read_header(write_series(tmp_path / "scan#1")).grid.shape == (5, 6, 7)


def test_a_folder_without_dicom(tmp_path):
    assert problem(tmp_path).reason == "it is a directory, not an image"
    (tmp_path / "notes.txt").write_text("hello")
    assert problem(tmp_path).reason == "it is a directory, not an image"


def test_a_missing_slice(tmp_path):
    folder = write_series(tmp_path / "scan", places=[0, 1, 3, 4])
    assert "uneven distances, 3 to 6 mm" in problem(folder).reason


def test_several_volumes_in_one_series(tmp_path):
    folder = write_series(tmp_path / "scan", places=[0, 0, 1, 1])
    assert "4 DICOM slices lie at 2 places, 2 at each" in problem(folder).reason


def test_a_slice_that_was_cut_after_the_header_was_read(tmp_path):
    folder = write_series(tmp_path / "scan")
    header = read_header(folder)
    os.truncate(header.files[2], 500)
    with pytest.raises(FileError):
        read_image(header)
