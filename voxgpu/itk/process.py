"""Calls to SimpleITK: imported late, quiet, and without side effects on the process."""

from __future__ import annotations

import locale
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from voxgpu.cancellation import cancelled_by, current, is_wanted, raise_if_cancelled
from voxgpu.itk.thread_limit import apply_limit


def simpleitk() -> Any:
    """Import SimpleITK, which takes 0.2 s: only when it is really used."""
    import SimpleITK

    apply_limit(SimpleITK.ProcessObject)
    return SimpleITK


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress ITK's warnings, meant for developers, and restore the state of the process.

    Reading VTK files and writing DICOM would leave it in the locale ``C``, in which Python decodes
    every text file opened later as ASCII.
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


def execute(itk_filter: Any, *images: Any) -> Any:
    """Run a filter on images; it is stopped at its next progress event once it is not wanted.

    Raises Stopped then, and what the filter raises.
    """
    if threading.current_thread() is not threading.main_thread():
        return _run_filter(itk_filter, images)
    # Ctrl-C is an exception here, and SimpleITK would print it rather than stop.
    stop = current() or threading.Event()
    results: list[Any] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            with cancelled_by(stop):
                results.append(_run_filter(itk_filter, images))
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


def _run_filter(itk_filter: Any, images: Sequence[Any]) -> Any:
    def look() -> None:
        if not is_wanted():
            itk_filter.Abort()

    itk = simpleitk()
    for event in (itk.sitkProgressEvent, itk.sitkIterationEvent):
        itk_filter.AddCommand(event, look)
    try:
        result = itk_filter.Execute(*images)
    except RuntimeError:
        raise_if_cancelled()
        raise
    finally:
        itk_filter.RemoveAllCommands()
    raise_if_cancelled()
    return result


def last_line(error: RuntimeError) -> str:
    """The last line of an ITK error message, which has the reason."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
