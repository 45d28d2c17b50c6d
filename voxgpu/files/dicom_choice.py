"""Is a file DICOM, and which series of a folder is meant? Told without reading it whole."""

from __future__ import annotations

import os
from pathlib import Path

from voxgpu.files.paths import beginning

#: What tells in `Header.reading` that an image was read by `dicom`; bump it when values change.
READING = "dicom 2"


def is_dicom(place: str) -> bool:
    """Whether a file says that it is one, in its preamble or, without one, in its first tag."""
    start = beginning(place, 132)
    return start[128:] == b"DICM" or (
        # The group, an element below 256, and two letters or a length below 65536.
        start[:2] in (b"\x02\0", b"\x08\0")
        and start[3:4] == b"\0"
        and (start[4:6].isalpha() or start[6:8] == b"\0\0")
        and len(start) == 132
    )


def without_fragment(path: str) -> tuple[str, str]:
    """A path ``folder#UID`` as the folder and the series, any other as it is and nothing."""
    folder, mark, series = path.rpartition("#")
    if mark and series and not os.path.lexists(path) and Path(folder).is_dir():
        return folder, series
    return path, ""
