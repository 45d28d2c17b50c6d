"""How is SimpleITK called? Late, quietly, and leaving the process as it was."""

from __future__ import annotations

import locale
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from voxgpu.stopping import give_up_if_unwanted, is_wanted


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


def execute(found: Any, *images: Any) -> Any:
    """What a filter makes of images; ended as soon as it tells of progress and is not wanted.

    Raises Stopped then, KeyboardInterrupt where that came in between, and what the filter raises.
    """
    interrupts: list[KeyboardInterrupt] = []

    def look() -> None:
        # SimpleITK prints what is raised here, and the filter goes on to its end.
        try:
            if not is_wanted():
                found.Abort()
        except KeyboardInterrupt as error:
            interrupts.append(error)
            found.Abort()

    itk = simpleitk()
    for event in (itk.sitkProgressEvent, itk.sitkIterationEvent):
        found.AddCommand(event, look)
    try:
        result = found.Execute(*images)
    except RuntimeError:
        if interrupts:
            raise interrupts[0] from None
        give_up_if_unwanted()
        raise
    finally:
        found.RemoveAllCommands()
    if interrupts:
        raise interrupts[0]
    give_up_if_unwanted()
    return result
