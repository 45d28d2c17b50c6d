"""Which image do the DICOM files of a folder make?

Slices are found and sorted by GDCM. As ITK's ImageSeriesReader has it, the third spacing is the
distance between the first and the last slice over the steps between them.
"""

from __future__ import annotations

import itertools
import math
import shlex
from dataclasses import replace
from typing import Any

from voxgpu.files.itk import Information, information, objections
from voxgpu.files.problem import FileProblem
from voxgpu.itk.process import quiet, simpleitk

#: Steps between slices may differ by this fraction; a slice that is missing doubles one.
_UNEVEN = 0.05

_SERIES_LISTED = 8


def series_files(folder: str) -> tuple[str, ...]:
    """The files of the only DICOM series in a folder, in the order of the slices.

    Raises FileProblem where there is no DICOM file, or more than one series.
    """
    with quiet(), objections(folder):
        reader = simpleitk().ImageSeriesReader
        series = reader.GetGDCMSeriesIDs(folder)
        if not series:
            raise FileProblem(
                folder, "it is a directory, not an image", "no DICOM files are in it either"
            )
        if len(series) > 1:
            raise _several(folder, series)
        return tuple(str(name) for name in reader.GetGDCMSeriesFileNames(folder, series[0]))


def _several(folder: str, series: tuple[str, ...]) -> FileProblem:
    reader = simpleitk().ImageSeriesReader
    lines = []
    for name in series[:_SERIES_LISTED]:
        files = reader.GetGDCMSeriesFileNames(folder, name)
        lines.append(f"{name} ({len(files)} files{_description(files[0])})")
    more = len(series) - len(lines)
    listed = ", ".join(lines) + (f" and {more} more" if more else "")
    code = (
        f"import SimpleITK as s; r = s.ImageSeriesReader; s.WriteImage(s.ReadImage("
        f"r.GetGDCMSeriesFileNames({folder!r}, {series[0]!r})), 'series.nii.gz')"
    )
    return FileProblem(
        folder,
        f"it holds {len(series)} DICOM series: {listed}",
        "put the files of one series into a folder of their own, or convert one: "
        f"python -c {shlex.quote(code)}",
    )


def _description(file: str) -> str:
    reader = simpleitk().ImageFileReader()
    reader.SetFileName(file)
    with objections(file):
        reader.ReadImageInformation()
    key = "0008|103e"
    text = str(reader.GetMetaData(key)).strip() if reader.HasMetaDataKey(key) else ""
    return f", {text}" if text else ""


def series_information(folder: str, files: tuple[str, ...]) -> Information:
    """What the headers of the slices say of the image that they make.

    Raises FileProblem where slices lie on one another (several volumes in one series) or at
    uneven distances (some are missing).
    """
    first = information(files[0])
    if len(files) == 1:
        return first
    places = [information(name).origin[:3] for name in files]
    steps = [math.dist(a, b) for a, b in itertools.pairwise(places)]
    spacing = math.dist(places[0], places[-1]) / len(steps)
    if min(steps) <= 1e-6 * max(1.0, *first.spacing[:2]):
        raise FileProblem(
            folder,
            "some of its DICOM slices lie at the same place, as where a series has several volumes",
            "convert it first, e.g. with dcm2niix, and pick a volume",
        )
    if max(steps) - min(steps) > _UNEVEN * spacing:
        raise FileProblem(
            folder,
            f"its DICOM slices lie at uneven distances, {min(steps):.4g} to {max(steps):.4g} mm: "
            "some are missing, or it is no volume",
            "complete the series, or convert it with dcm2niix, which resamples",
        )
    return replace(
        first,
        size=(*first.size[:2], len(files)),
        spacing=(*first.spacing[:2], spacing),
    )


def read_series(folder: str, files: tuple[str, ...]) -> Any:
    """The SimpleITK image of a series."""
    with quiet(), objections(folder):
        if len(files) == 1:
            return simpleitk().ReadImage(files[0])
        reader = simpleitk().ImageSeriesReader()
        reader.SetFileNames(files)
        return reader.Execute()
