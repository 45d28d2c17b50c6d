"""How is SimpleITK called? Late, quietly, and leaving the process as it was."""

from __future__ import annotations

import locale
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from voxgpu.cancellation import cancelled_by, current, is_wanted, raise_if_cancelled
from voxgpu.itk.thread_limit import apply_limit


def simpleitk() -> Any:
    """SimpleITK, which takes 0.2 s to import: only where it is really used."""
    import SimpleITK

    apply_limit(SimpleITK.ProcessObject)
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

    Raises Stopped then, and what the filter raises.
    """
    if threading.current_thread() is not threading.main_thread():
        return _executed(found, images)
    # Ctrl-C is an exception here, and SimpleITK would print it rather than end.
    stop = current() or threading.Event()
    results: list[Any] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            with cancelled_by(stop):
                results.append(_executed(found, images))
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=work, name="filter", daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:
        stop.set()
        raise
    if errors:
        raise errors[0]
    return results[0]


def _executed(found: Any, images: Sequence[Any]) -> Any:
    def look() -> None:
        if not is_wanted():
            found.Abort()

    itk = simpleitk()
    for event in (itk.sitkProgressEvent, itk.sitkIterationEvent):
        found.AddCommand(event, look)
    try:
        result = found.Execute(*images)
    except RuntimeError:
        raise_if_cancelled()
        raise
    finally:
        found.RemoveAllCommands()
    raise_if_cancelled()
    return result


def last_line(error: RuntimeError) -> str:
    """The last line of what ITK says of an error, which has the reason."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
