"""How is SimpleITK called? Late, quietly, and leaving the process as it was."""

from __future__ import annotations

import locale
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def simpleitk() -> Any:
    """SimpleITK, which takes 0.2 s to import: only where it is really used."""
    import SimpleITK

    return SimpleITK


@contextmanager
def quiet() -> Iterator[None]:
    """Keep ITK's warnings, meant for developers, off the terminal, and the process as it was.

    Reading VTK files and writing DICOM would leave it in the locale ``C``, where Python takes
    every text file that is opened after for ASCII.
    """
    process = simpleitk().ProcessObject
    shown = process.GetGlobalWarningDisplay()
    before = locale.setlocale(locale.LC_ALL)
    process.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        process.SetGlobalWarningDisplay(shown)
        if locale.setlocale(locale.LC_ALL) != before:
            locale.setlocale(locale.LC_ALL, before)
