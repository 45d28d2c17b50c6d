"""Which files are FreeSurfer's MGH, and how is it noted that one was read as such?"""

from __future__ import annotations

#: What ``Header.reading`` says of such images.
READING = "mgh"


def is_mgh(place: str) -> bool:
    """Whether a name is that of an MGH file, packed (``.mgz``) or not."""
    return place.lower().endswith((".mgz", ".mgh"))
