"""What is a program, and what was asked for with it?"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxgpu.diagnostics import Source
    from voxgpu.image import Image
    from voxgpu.pipeline import Options

#: What a program of one line begins with, if it has no quotes and binds nothing.
_COMMAND = re.compile(r"\s*(//|(load|let|print|save|import)[\s(])")


def source_of(program: str | Path) -> tuple[Source, Path | None]:
    """The text of a program and its file: of a path, or of a text. ``~`` is the home folder.

    A string is a text where it has a line break, a quotation mark, ``=`` or a command in front,
    unless it is a file or ends in ``.imgql``; else it is a path. Raises ImgqlError where there is
    no such file, or it cannot be read.
    """
    from voxgpu.diagnostics import Source
    from voxgpu.pipeline import read_source

    if not isinstance(program, str):
        path = Path(os.path.expanduser(program))  # noqa: PTH111
        return read_source(path), path
    if _is_text(program):
        return Source("program", program), None
    # Not of `pathlib`, whose way raises where somebody has no home folder.
    path = Path(program if _is_file(program) else os.path.expanduser(program))  # noqa: PTH111
    return read_source(path), path


def _is_text(program: str) -> bool:
    if "\n" in program or "\r" in program:
        return True
    if _is_file(program) or (program.endswith(".imgql") and '"' not in program):
        return False
    return '"' in program or "=" in program or _COMMAND.match(program) is not None


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False  # longer than names may be, or with characters that none may have


def options_of(
    define: Mapping[str, object] | None,
    output: str | Path | None,
    dialect: str | None,
    same_grid: str | None,
    read_roots: Sequence[str | Path],
    write_roots: Sequence[str | Path],
    primitives: Sequence[str | Path],
    nifti_form: str,
    series: str,
    grid_tolerance: float,
    images: Mapping[str, Image],
) -> Options:
    """What was asked for, for the pipeline. Raises ValueError for what makes no sense."""
    from voxgpu.files.options import ReadOptions
    from voxgpu.files.roots import Roots
    from voxgpu.language.syntax import Dialect
    from voxgpu.pipeline import Options

    if same_grid not in (None, "strict", "adopt"):
        raise ValueError(f"same_grid is `strict` or `adopt`, not {same_grid!r}")
    if nifti_form not in ("", "sform", "qform"):
        raise ValueError(f"nifti_form is `sform` or `qform`, not {nifti_form!r}")
    if not 0 <= grid_tolerance <= 0.5:
        raise ValueError(f"grid_tolerance is from 0 to 0.5, not {grid_tolerance}")
    for name, given in (("read_roots", read_roots), ("write_roots", write_roots),
                        ("primitives", primitives)):  # fmt: skip
        if isinstance(given, str):  # whose letters would be taken for paths
            raise TypeError(f"{name} is a sequence of paths, not {given!r}")
    return Options(
        define={name: _text(value) for name, value in (define or {}).items()},
        output=None if output is None else Path(output),
        dialect=Dialect(dialect) if dialect else None,
        adopt=None if same_grid is None else same_grid == "adopt",
        roots=Roots(tuple(map(Path, read_roots)), tuple(map(Path, write_roots))),
        primitives=tuple(map(Path, primitives)),
        read=ReadOptions(nifti_form, series),
        tolerance=grid_tolerance,
        images=images,
    )


def _text(value: object) -> str:
    """A variable's value as the command line would have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
