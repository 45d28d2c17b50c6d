"""Images that are only loaded and saved keep their integers in every format."""

import numpy as np
import pytest
import SimpleITK
from nifti_samples import itk_array

import voxgpu

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32"]


@pytest.mark.parametrize("element", INTEGERS)
@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha", ".tif"])
def test_integers_keep_their_element_and_labels_take_little(tmp_path, element, suffix):
    if (element, suffix) == ("int64", ".tif"):
        pytest.skip("TIFF holds integers of up to 32 bits")
    image = SimpleITK.GetImageFromArray(np.arange(60).reshape(3, 4, 5).astype(element))
    SimpleITK.WriteImage(image, str(tmp_path / "a.nrrd"))
    program = tmp_path / "p.imgql"
    program.write_text(
        f'load a = "{tmp_path}/a.nrrd"\nsave "b{suffix}" a\nsave "labels{suffix}" lcc(a > 5)\n'
    )
    voxgpu.run(program, output=tmp_path)
    assert itk_array(tmp_path / f"b{suffix}").dtype == element
    assert itk_array(tmp_path / f"labels{suffix}").dtype == np.uint16
