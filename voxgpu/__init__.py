"""voxgpu: say what to find in a 3-D image, and have it found fast.

``run`` runs an ImgQL program and returns a ``Result``; ``check`` tells what is wrong with one; a
``Session`` runs several that share what they compute. ``Image`` and ``Grid`` are what goes in and
comes out. Nothing heavy is imported before one of them is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import voxgpu.forking  # noqa: F401 - before a thread begins to import the rest
from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.image import Grid
from voxgpu.python.image import Image
from voxgpu.python.progress import Progress
from voxgpu.version import __version__

if TYPE_CHECKING:
    from voxgpu.python.result import GoalsFailed, Result, Value
    from voxgpu.python.session import Session

__all__ = [
    "Diagnostic",
    "GoalsFailed",
    "Grid",
    "Image",
    "ImgqlError",
    "Progress",
    "Result",
    "Session",
    "Value",
    "__version__",
    "check",
    "run",
]

_LATER = {
    "GoalsFailed": "voxgpu.python.result",
    "Result": "voxgpu.python.result",
    "Session": "voxgpu.python.session",
    "Value": "voxgpu.python.result",
}


def __getattr__(name: str) -> Any:
    """What is imported when it is first asked for, as it takes time."""
    if name in _LATER:
        from importlib import import_module

        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def run(
    program: str | Path,
    define: Mapping[str, object] | None = None,
    output: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    dialect: str | None = None,
    same_grid: str | None = None,
    read_roots: Sequence[str | Path] = (),
    write_roots: Sequence[str | Path] = (),
    primitives: Sequence[str | Path] = (),
    store: str | Path | None = None,
    memory: int | str | None = None,
    device_memory: int | str | None = None,
    nifti_form: str = "",
    series: str = "",
    grid_tolerance: float = 1e-3,
    *,
    images: Mapping[str, object] | None = None,
    on_error: str = "raise",
    progress: Callable[[Progress], None] | None = None,
    store_shared: str | Path | None = None,
    store_budget: int | str | None = None,
    keep: str = "costly",
    force_save: bool = False,
    verify_inputs: bool = False,
    overwrite_inputs: bool = False,
    validate: bool = False,
) -> Result:
    """Runs a program and returns what it printed and saved, and its values.

    program      the path of a program, or its text; one line is a text where it begins with a
                 command, a comment or ``NAME =``, unless it is a file or ends in ``.imgql``
    define       program variables: numbers, truth values, strings, paths
    output       the folder that relative names of files are saved in; None: nothing is written,
                 images are only in the result, and any name will do
    device       ``auto``, ``cpu``, ``cuda:0`` (or another GPU) or ``reference``
    threads      how many threads compute; None: as many as there are cores to use
    dialect      ``imgql1``, ``imgql2`` or ``voxgpu``; None: what the program says, else ours
    same_grid    ``strict``, or ``adopt`` to take images of equal shape for images on one grid
    read_roots   the only folders the program may read in; none: anywhere
    write_roots  the only folders it may write in; none: anywhere
    primitives   Python files that define more primitives; they are run
    store        the folder in which results are kept for later runs; ``"default"`` is that of the
                 command line; None: nothing is kept
    memory       what the process may take, bytes or such as ``"4G"``; values beyond it wait on the
                 disk
    device_memory  likewise, what may be taken of a GPU; None: 70 % of what is free there
    nifti_form   ``sform`` or ``qform``: the orientation to take from NIfTI files that have both;
                 empty: the sform
    series       the UID of the DICOM series to take from folders that hold several
    grid_tolerance  two grids agree when no voxel center lies farther apart, in smallest spacings
    images       what ``load`` of these names takes, whatever path the program has there: an
                 ``Image``, an array of NumPy or CuPy along (z, y, x), an image of nibabel or of
                 SimpleITK. It is copied. Truth values make a region.
    on_error     what to do where goals fail while running: ``raise`` GoalsFailed, an ImgqlError
                 whose ``result`` has the others, or ``collect`` them in ``errors`` of the result
    progress     is called with a ``Progress`` at each step, on the thread that runs the program
    store_shared  a folder of results that several computers share
    store_budget  what the store may take, bytes or such as ``"50G"``
    keep         what the store keeps: ``goals``, ``costly`` (goals and what took long), ``all`` or
                 ``none``
    force_save   write files also where they are there already
    verify_inputs  read every file to see whether it has changed, whatever its date says
    overwrite_inputs  let the program save over files that it loads
    validate     hold each step to the reference and stop at the first difference; slow, and
                 without the store

    Raises ImgqlError with every mistake, before anything is computed; ValueError and TypeError for
    parameters that make no sense.
    """
    from voxgpu.python.session import Session

    with Session(
        device=device,
        threads=threads,
        memory=memory,
        device_memory=device_memory,
        store=store,
        store_shared=store_shared,
        store_budget=store_budget,
        keep=keep,
        force_save=force_save,
        verify_inputs=verify_inputs,
        validate=validate,
        _keeping=False,
    ) as session:
        return session.run(
            program,
            define,
            output,
            images=images,
            on_error=on_error,
            progress=progress,
            dialect=dialect,
            same_grid=same_grid,
            read_roots=read_roots,
            write_roots=write_roots,
            primitives=primitives,
            nifti_form=nifti_form,
            series=series,
            grid_tolerance=grid_tolerance,
            overwrite_inputs=overwrite_inputs,
        )


def check(
    program: str | Path,
    define: Mapping[str, object] | None = None,
    dialect: str | None = None,
    same_grid: str | None = None,
    primitives: Sequence[str | Path] = (),
    images: Mapping[str, object] | None = None,
    nifti_form: str = "",
    series: str = "",
    grid_tolerance: float = 1e-3,
    read_roots: Sequence[str | Path] = (),
) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with a program, and its warnings; nothing is run.

    The parameters are those of ``run``.
    """
    from voxgpu.python.session import check

    try:
        return check(
            program, define, dialect, same_grid, primitives, images, nifti_form, series,
            grid_tolerance, read_roots,
        )  # fmt: skip
    except ImgqlError as error:
        return error.diagnostics
