"""Computation and saving of several lazy values at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from voxgpu.python.lazy.evaluate import Settings, saved, values_of
from voxgpu.python.lazy.operators import term_of
from voxgpu.python.lazy.places import here
from voxgpu.python.progress import Progress
from voxgpu.python.result import Result
from voxgpu.python.session import Session


def compute(
    *values: object,
    session: Session | None = None,
    on_error: str = "raise",
    progress: Callable[[Progress], None] | None = None,
    same_grid: str | None = None,
    nifti_form: str = "",
    series: str = "",
    grid_tolerance: float = 1e-3,
) -> tuple[Any, ...]:
    """The values of several lazy values, which are computed together, as one program.

        brain, volume = vx.compute(brain, tumor.volume())

    Each is an ``Image``, a float, a bool, a str, or a tuple of these. What they share is computed
    once, and what reads the same image in one pass.

    session   where they are computed; None: that of the ``with`` block that is running, else the
              default one (``voxgpu.configure``)
    on_error  how to treat values that fail: ``raise`` GoalsFailed, or ``collect``: an ImgqlError is
              then in the place of the value

    The others are those of ``voxgpu.run``. Raises ImgqlError for mistakes, such as files that do
    not exist, before anything is computed; they point to lines of Python. Warnings are Python's.
    """
    span = here()
    terms = [term_of(each, span) for each in values]
    settings = Settings(same_grid, nifti_form, series, grid_tolerance)
    return values_of(terms, session, settings, on_error, progress) if terms else ()


def save(
    files: Mapping[str, object],
    *,
    session: Session | None = None,
    on_error: str = "raise",
    progress: Callable[[Progress], None] | None = None,
    same_grid: str | None = None,
    nifti_form: str = "",
    series: str = "",
    grid_tolerance: float = 1e-3,
    sidecar: bool = True,
) -> Result:
    """Save several lazy images, by file name, computed together; the result has the files.

        vx.save({"brain.nii.gz": brain, "tumor.nii.gz": tumor})

    Relative names are in the folder in which Python runs.

    sidecar  write a file ``NAME.json`` beside each image, which tells how it came about

    The other parameters are those of ``compute``.
    """
    if not isinstance(files, Mapping):
        raise TypeError(f'files are images by name, {{"brain.nii.gz": brain}}, not {files!r}')
    span = here()
    terms = {os.fspath(path): term_of(each, span) for path, each in files.items()}
    settings = Settings(same_grid, nifti_form, series, grid_tolerance)
    return saved(terms, session, settings, on_error, progress, sidecar)
