"""voxgpu: declarative analysis of 3-D images, on CPU and GPU.

``run`` runs an ImgQL program and returns a ``Result``; ``check`` returns the errors and warnings of
a program; a ``Session`` runs several programs that share computed values; ``cohort`` runs a program
for many cases. ``Image`` and ``Grid`` represent inputs and results. Heavy modules are imported only
when one of these is called.
"""

from __future__ import annotations

import sys
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
    from voxgpu.python.bids import bids_cases
    from voxgpu.python.cohort import cohort
    from voxgpu.python.cohort_run import Cohort
    from voxgpu.python.lazy.compute import compute, save
    from voxgpu.python.lazy.default_session import configure
    from voxgpu.python.lazy.function_objects import apply
    from voxgpu.python.lazy.functions import *  # noqa: F403 - the functions of ImgQL
    from voxgpu.python.lazy.inputs import from_array, from_nibabel, from_sitk, load
    from voxgpu.python.lazy.primitive import primitive
    from voxgpu.python.lazy.program import Program, program

    # Not in `__all__`: a star import must not hide Python's own.
    from voxgpu.python.lazy.sequences import filter as filter
    from voxgpu.python.lazy.sequences import fold, if_then_else
    from voxgpu.python.lazy.sequences import map as map
    from voxgpu.python.lazy.text import to_imgql
    from voxgpu.python.lazy.value import LazyValue
    from voxgpu.python.result import GoalsFailed, Result, Value
    from voxgpu.python.session import Session

__all__ = [
    "Cohort",
    "Diagnostic",
    "GoalsFailed",
    "Grid",
    "Image",
    "ImgqlError",
    "LazyValue",
    "Program",
    "Progress",
    "Result",
    "Session",
    "Value",
    "__version__",
    "apply",
    "bids_cases",
    "check",
    "cohort",
    "compute",
    "configure",
    "fold",
    "from_array",
    "from_nibabel",
    "from_sitk",
    "if_then_else",
    "load",
    "primitive",
    "program",
    "run",
    "save",
    "to_imgql",
]

_LATER = {
    "Cohort": "voxgpu.python.cohort_run",
    "GoalsFailed": "voxgpu.python.result",
    "Program": "voxgpu.python.lazy.program",
    "Result": "voxgpu.python.result",
    "Session": "voxgpu.python.session",
    "Value": "voxgpu.python.result",
    "LazyValue": "voxgpu.python.lazy.value",
    "apply": "voxgpu.python.lazy.function_objects",
    "bids_cases": "voxgpu.python.bids",
    "cohort": "voxgpu.python.cohort",
    "compute": "voxgpu.python.lazy.compute",
    "configure": "voxgpu.python.lazy.default_session",
    "filter": "voxgpu.python.lazy.sequences",
    "fold": "voxgpu.python.lazy.sequences",
    "from_array": "voxgpu.python.lazy.inputs",
    "from_nibabel": "voxgpu.python.lazy.inputs",
    "from_sitk": "voxgpu.python.lazy.inputs",
    "if_then_else": "voxgpu.python.lazy.sequences",
    "load": "voxgpu.python.lazy.inputs",
    "map": "voxgpu.python.lazy.sequences",
    "primitive": "voxgpu.python.lazy.primitive",
    "program": "voxgpu.python.lazy.program",
    "save": "voxgpu.python.lazy.compute",
    "to_imgql": "voxgpu.python.lazy.text",
}


if not TYPE_CHECKING:  # the type checker knows all names, and should miss others

    def __getattr__(name: str) -> Any:
        """Imports the public names on first access, since their modules take time to load."""
        from importlib import import_module
        from importlib.util import find_spec

        if name in _LATER:
            return getattr(import_module(_LATER[name]), name)
        # Python asks for a module here before it imports it.
        if not name.startswith("_") and find_spec(f"{__name__}.{name}") is None:
            functions = import_module("voxgpu.python.lazy.function_objects")
            try:
                return functions.attribute(name)
            except LookupError:
                pass
        raise AttributeError(
            f"module {__name__!r} has no attribute {name!r}", name=name, obj=sys.modules[__name__]
        )


def __dir__() -> list[str]:
    from voxgpu.python.lazy.function_objects import names

    return sorted({*globals(), *__all__, *names()})


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
    sidecar: bool = True,
) -> Result:
    """Runs a program and returns its printed and saved values.

    program      the path of a program, or its text; a single line is taken as text if it starts
                 with a
                 command, a comment or ``NAME =``, unless it is a file or ends in ``.imgql``
    define       program variables: numbers, truth values, strings, paths
    output       the folder for relative names of saved files; None: nothing is written, saved
                 images
                 are only returned, and file names are not checked
    device       ``auto``, ``cpu``, ``cuda:0`` (or another GPU) or ``reference``
    threads      number of threads; None: one for each available core
    dialect      ``imgql1``, ``imgql2`` or ``voxgpu``; None: the dialect that the program declares,
                 else voxgpu's own
    same_grid    ``strict``, or ``adopt`` to treat images of equal shape as lying on one grid
    read_roots   the only folders that the program may read from; none: any folder
    write_roots  the only folders that it may write to; none: any folder
    primitives   Python files that define additional primitives; they are executed
    store        the folder in which results are kept for later runs; ``"default"`` is that of the
                 command line; None: nothing is kept
    memory       memory limit of the process, in bytes or such as ``"4G"``; values beyond it are
                 spilled to disk
    device_memory  likewise, the memory limit on a GPU; None: 70 % of what is free there
    nifti_form   ``sform`` or ``qform``: the orientation to use of NIfTI files that have both;
                 empty:
                 the sform
    series       the UID of the DICOM series to load from folders that hold several
    grid_tolerance  maximum distance between voxel centers of agreeing grids, in smallest spacings
    images       images that ``load`` takes instead of files, by name: an ``Image``, a NumPy or CuPy
                 array along (z, y, x), or an image of nibabel or SimpleITK. They are copied. Arrays
                 of truth values become regions.
    on_error     how to treat goals that fail while running: ``raise`` GoalsFailed, an ImgqlError
                 whose ``result`` has the other goals, or ``collect`` them in ``errors`` of the
                 result
    progress     called with a ``Progress`` at each step, on the thread that runs the program
    store_shared  a folder of results that several computers share
    store_budget  maximum size of the store, in bytes or such as ``"50G"``
    keep         what the store keeps: ``goals``, ``costly`` (goals and values that took long to
                 compute), ``all`` or ``none``
    force_save   write output files even if they exist with the same content
    verify_inputs  read every input file to detect changes, regardless of its modification time
    overwrite_inputs  allow the program to save over files that it loads
    validate     compare each step with the reference and stop at the first difference; slow, and
                 the
                 store is not used
    sidecar      write a file ``NAME.json`` beside each saved image, which tells how it came about

    Raises ImgqlError with all errors before anything is computed; ValueError and TypeError for
    invalid parameters.
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
            sidecar=sidecar,
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
    """Returns the errors and warnings of a program; nothing is run.

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
