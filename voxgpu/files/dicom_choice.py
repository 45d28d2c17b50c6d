"""Detection of DICOM files by their first bytes, and selection of one series of a folder."""

from __future__ import annotations

import os
from pathlib import Path

from voxgpu.files.paths import beginning

#: The entry in `Header.reading` for images read by `dicom`; bump it when values change.
READING = "dicom 2"


def is_dicom(path: str) -> bool:
    """Whether a file starts like DICOM: by its preamble or, without one, by its first tag."""
    start = beginning(path, 132)
    return start[128:] == b"DICM" or (
        # The group, an element below 256, and either two letters or a length below 65536.
        start[:2] in (b"\x02\0", b"\x08\0")
        and start[3:4] == b"\0"
        and (start[4:6].isalpha() or start[6:8] == b"\0\0")
        and len(start) == 132
    )


def without_fragment(path: str) -> tuple[str, str]:
    """Split ``folder#UID`` into folder and series; the series of any other path is empty."""
    folder, mark, series = path.rpartition("#")
    if mark and series and not os.path.lexists(path) and Path(folder).is_dir():
        return folder, series
    return path, ""
