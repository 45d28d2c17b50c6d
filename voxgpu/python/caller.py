"""Where in other people's code was voxgpu called? Warnings show that line."""

from __future__ import annotations

import sys
from pathlib import Path

_PACKAGE = str(Path(__file__).parent.parent)


def outside() -> int:
    """The ``stacklevel`` of the nearest caller that is no part of voxgpu, for who calls this."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    return level
