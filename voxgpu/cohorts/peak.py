"""The most memory that this process takes while it runs a case."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path


def reset_peak() -> None:
    """Begin a new measurement, where the system can: Linux. Elsewhere it goes on."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_bytes() -> int:
    """Peak memory of this process in bytes since `reset_peak`; 0 if unknown.

    If the measurement cannot be reset, the peak since the process started.
    """
    with suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name == "VmHWM":
                return int(rest.split()[0]) * 1024
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
