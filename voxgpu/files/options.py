"""Options of a run that affect how image files are read."""

from __future__ import annotations

from voxgpu.frozen import frozen


@frozen(slots=True)
class ReadOptions:
    """Choices for headers that permit several readings.

    nifti_form  ``sform`` or ``qform``: the orientation to take from NIfTI files that have both;
                empty: the sform if its code is positive, else the qform
    series      the SeriesInstanceUID of the DICOM series to take from folders that hold several;
                empty: folders must hold one
    zeros       whether values that are not finite in NIfTI files are read as 0, as version 1 of
                the language does
    """

    nifti_form: str = ""
    series: str = ""
    zeros: bool = False


#: The options of a run without any options about files.
AS_USUAL = ReadOptions()
