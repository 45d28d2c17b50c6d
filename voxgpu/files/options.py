"""Options of a run that bear on how image files are read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How headers are read where a file leaves a choice.

    nifti_form  ``sform`` or ``qform``: the orientation to take from NIfTI files that have both;
                empty: the sform where its code is positive, else the qform
    series      the SeriesInstanceUID of the DICOM series to take from folders that hold several;
                empty: folders must hold one
    zeros       whether voxels of NIfTI files that are no finite numbers are read as 0, as version
                1 of the language does
    """

    nifti_form: str = ""
    series: str = ""
    zeros: bool = False


#: The options of a run that says nothing about files.
AS_USUAL = ReadOptions()
