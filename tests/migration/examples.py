"""The images and programs that an example of a rule names in its comments."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from tests.files.generated_scans import dicom_series


def write_example(folder: Path, program: str) -> Path:
    """Writes what the comments of a program name, and the program; returns its path.

    // file: NAME ELEMENT X Y [Z [T]] [origin MM]   an image
    // colors: NAME X Y                             a picture of colors
    // series: NAME                                 a folder with a DICOM series: `series`
    // text: NAME TEXT                              another file
    // program: NAME                                where the program itself is
    """
    path = folder / "program.imgql"
    for kind, words in re.findall(r"^// (\w+): (.*)$", program, re.MULTILINE):
        name, _, rest = words.partition(" ")
        if kind == "file":
            _write_image(folder / name, rest)
        elif kind == "colors":
            size = [int(each) for each in rest.split()]
            voxels = np.full((*size[::-1], 3), 200, np.uint8)
            sitk.WriteImage(sitk.GetImageFromArray(voxels, isVector=True), str(folder / name))
        elif kind == "series":
            dicom_series(np.random.default_rng(1), folder)
        elif kind == "text":
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(rest)
        elif kind == "program":
            path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(program)
    return path


def _write_image(path: Path, words: str) -> None:
    said, _, origin = words.partition(" origin ")
    element, *size = said.split()
    shape = [int(each) for each in size][::-1]
    voxels = (np.arange(np.prod(shape)) % 7).astype(element).reshape(shape)
    image = sitk.GetImageFromArray(voxels, isVector=False)
    if origin:
        image.SetOrigin([float(origin)] + [0.0] * (image.GetDimension() - 1))
    sitk.WriteImage(image, str(path))
