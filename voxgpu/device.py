"""On what does a program run?"""

from __future__ import annotations

#: What ``--device`` accepts.
DEVICES = ("auto", "cpu", "reference")


def choose(device: str) -> str:
    """The backend for a requested device: ``cpu``, or ``reference``, NumPy's and SciPy's.

    Raises ValueError for a device that is not in ``DEVICES``.
    """
    if device not in DEVICES:
        raise ValueError(f"there is no device {device!r}; there are {', '.join(DEVICES)}")
    return "cpu" if device == "auto" else device
