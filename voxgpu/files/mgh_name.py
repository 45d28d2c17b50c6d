"""Names of FreeSurfer's MGH files, and the mark of headers read from them."""

from __future__ import annotations

from voxgpu.files.suffixes import MGH

#: The entry in ``Header.reading`` for such images.
READING = "mgh"


def is_mgh(path: str) -> bool:
    """Whether a name is that of an MGH file, gzipped (``.mgz``) or not."""
    return path.lower().endswith(MGH)
