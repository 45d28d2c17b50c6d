"""The line of the caller's code that called voxgpu, for warnings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_PACKAGE = str(Path(__file__).parent.parent) + os.sep


def outside() -> int:
    """The ``stacklevel`` of the nearest caller outside voxgpu, seen from this function's caller."""
    level = 1
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        level, frame = level + 1, frame.f_back
    return level
