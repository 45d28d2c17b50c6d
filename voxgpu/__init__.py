"""voxgpu: say what to find in a 3-D image, and have it found fast.

``run`` runs an ImgQL program, ``check`` tells what is wrong with one, ``Image`` and ``Grid`` are
what comes back. Nothing heavy is imported before one of them is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voxgpu.diagnostics import Diagnostic, ImgqlError
from voxgpu.image import Grid, Image
from voxgpu.version import __version__

if TYPE_CHECKING:
    from voxgpu.execute import Result

__all__ = ["Diagnostic", "Grid", "Image", "ImgqlError", "__version__", "check", "run"]


def run(
    program: str | Path,
    define: Mapping[str, Any] | None = None,
    output: str | Path | None = None,
    device: str = "auto",
    threads: int | None = None,
    dialect: str | None = None,
    same_grid: str | None = None,
    read_roots: Sequence[str | Path] = (),
    write_roots: Sequence[str | Path] = (),
    primitives: Sequence[str | Path] = (),
    store: str | Path | None = None,
    memory: int | None = None,
    device_memory: int | None = None,
    nifti_form: str = "",
    series: str = "",
    grid_tolerance: float = 1e-3,
) -> Result:
    """Runs a program and returns what it printed and saved, its values, and the goals that failed.

    program      the path of a program, or its text: a string with a line break, or one that is no
                 file
    define       program variables: numbers, truth values, strings, paths
    output       the folder that relative names of files are saved in; None: nothing is written,
                 and images are only in the result
    device       ``auto``, ``cpu``, ``cuda:0`` (or another GPU) or ``reference``
    threads      how many threads compute; None: as many as there are cores to use
    dialect      ``imgql1`` or ``imgql2``; None: what the program says, else ours
    same_grid    ``strict``, or ``adopt`` to take images of equal shape for images on one grid
    read_roots   the only folders the program may read in; none: anywhere
    write_roots  the only folders it may write in; none: anywhere
    primitives   Python files that define more primitives; they are run
    store        the folder in which results are kept for later runs; ``"default"`` is that of the
                 command line; None: nothing is kept
    memory       bytes that the process may take; values beyond it wait on the disk
    device_memory  bytes that may be taken of a GPU; None: 70 % of what is free there
    nifti_form   ``sform`` or ``qform``: the orientation to take from NIfTI files that have both;
                 empty: the sform
    series       the UID of the DICOM series to take from folders that hold several
    grid_tolerance  two grids agree when no voxel center lies farther apart, in smallest spacings

    Raises ImgqlError with every mistake, before anything is computed; a goal that fails while
    running is in ``errors`` of the result, and the others are delivered.
    """
    from voxgpu.execute import Devices, Session
    from voxgpu.files.digest import Digests
    from voxgpu.files.options import ReadOptions

    devices = Devices(device, threads, device_memory)
    folder = Path(output) if output is not None else None
    source, path = _source(program)
    options = _options(define, folder, dialect, same_grid, read_roots, write_roots, primitives)
    options = replace(options, read=ReadOptions(nifti_form, series), tolerance=grid_tolerance)
    from voxgpu.pipeline import compile_program

    kept = _opened(store)
    seen = kept.seen_files() if kept is not None else None
    with Session(
        folder, options.roots, backend=devices, store=kept, memory=memory, threads=threads
    ) as session:
        return session.execute(
            compile_program(source, path, options, Digests(seen).of, session.ask, seen)
        )


def check(
    program: str | Path,
    define: Mapping[str, Any] | None = None,
    dialect: str | None = None,
    same_grid: str | None = None,
    primitives: Sequence[str | Path] = (),
) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with a program, and its warnings; nothing is run.

    The parameters are those of ``run``.
    """
    from voxgpu.pipeline import compile_program, unread

    try:
        source, path = _source(program)
    except ImgqlError as error:
        return error.diagnostics
    options = _options(define, None, dialect, same_grid, (), (), primitives)
    return compile_program(source, path, options, unread).diagnostics


def _opened(store: str | Path | None) -> Any:
    """The store that is asked for; raises ImgqlError where it cannot be used."""
    if store is None:
        return None
    from voxgpu.store.folder import StoreProblem, default_folder
    from voxgpu.store.opened import StoreOptions, open_store

    folder = default_folder() if store == "default" else Path(store)
    try:
        return open_store(StoreOptions(folder))
    except StoreProblem as problem:
        raise ImgqlError([Diagnostic("E401", str(problem), help=problem.help)]) from None


def _source(program: str | Path) -> tuple[Any, Path | None]:
    from voxgpu.diagnostics import Source
    from voxgpu.pipeline import read_source

    if isinstance(program, Path) or ("\n" not in program and _is_file(program)):
        return read_source(Path(program)), Path(program)
    return Source("program", program), None


def _is_file(text: str) -> bool:
    """Whether a string without a line break is the path of a program, rather than one."""
    try:
        return Path(text).is_file() or (text.endswith(".imgql") and '"' not in text)
    except (OSError, ValueError):
        # Longer than names may be, or with characters that none may have.
        return False


def _options(
    define: Mapping[str, Any] | None,
    output: Path | None,
    dialect: str | None,
    same_grid: str | None,
    read_roots: Sequence[str | Path],
    write_roots: Sequence[str | Path],
    primitives: Sequence[str | Path],
) -> Any:
    from voxgpu.files.roots import Roots
    from voxgpu.language.syntax import Dialect
    from voxgpu.pipeline import Options

    if same_grid not in (None, "strict", "adopt"):
        raise ValueError(f"same_grid is `strict` or `adopt`, not {same_grid!r}")
    texts = {name: _text(value) for name, value in (define or {}).items()}
    return Options(
        define=texts,
        output=output or Path(),
        dialect=Dialect(dialect) if dialect else None,
        adopt=None if same_grid is None else same_grid == "adopt",
        roots=Roots(tuple(map(Path, read_roots)), tuple(map(Path, write_roots))),
        primitives=tuple(map(Path, primitives)),
    )


def _text(value: Any) -> str:
    """A variable's value as the command line would have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
