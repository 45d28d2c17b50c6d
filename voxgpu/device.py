"""On what does a program run?"""

from __future__ import annotations

#: What ``--device`` accepts.
DEVICES = ("auto", "cpu", "reference")


def choose(device: str) -> str:
    """The backend for a requested device, and the only one there is: the reference, NumPy's.

    Raises ValueError for a device that is not in ``DEVICES``.
    """
    if device not in DEVICES:
        raise ValueError(f"there is no device {device!r}; there are {', '.join(DEVICES)}")
    return "reference"
