"""Programs and options of the Python interface."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from numbers import Number
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from voxgpu.compile import Options
    from voxgpu.diagnostics import Source
    from voxgpu.image import Image

_TEXTS = "a text of one line begins with a command, or with NAME ="

#: First words of a one-line program: a command, a comment, or a definition without `let`.
_BEGINNING = re.compile(
    r"""\s*(//|(load|let|print|save|import)[\s("]"""
    r"""|([\w.]+|[#;:_'.|!$%&/^*=+<>?@~\\-]+)\s*(\([^()"]*\)\s*)?=)"""
)


def source_of(program: str | Path) -> tuple[Source, Path | None]:
    """The text of a program and its file, from a path or a text. ``~`` is the home folder.

    A string is a text if it has a line break, or begins with a command, a comment or ``NAME =``,
    unless it is a file or ends in ``.imgql``; otherwise it is a path. Raises ImgqlError if the file
    does not exist or cannot be read, TypeError for objects that are neither string nor path.
    """
    from voxgpu.diagnostics import Source

    if isinstance(program, str):
        if _is_text(program):
            return Source("program", program), None
        path = program if _is_file(program) else os.path.expanduser(program)  # noqa: PTH111
        return _read(path, program), Path(path)
    text = os.fspath(program) if isinstance(program, os.PathLike) else None
    if not isinstance(text, str):
        raise TypeError(f"a program is a path or a text, not {type(program).__name__}")
    # Not `Path.expanduser`, which raises if there is no home folder.
    path = os.path.expanduser(text)  # noqa: PTH111
    return _read(path, text), Path(path)


def _read(path: str, text: str) -> Source:
    from voxgpu.compile import read_source
    from voxgpu.diagnostics import Diagnostic, ImgqlError

    if not text.strip() or "\0" in text:
        raise ImgqlError([Diagnostic("E109", f"{text!r} is no path of a program", help=_TEXTS)])
    try:
        return read_source(Path(path))
    except ImgqlError as error:
        if os.path.exists(path):  # noqa: PTH110 - a name may be too long for `Path`
            raise
        diagnostics = [replace(each, help=each.help or _TEXTS) for each in error.diagnostics]
        raise ImgqlError(diagnostics) from None


def _is_text(program: str) -> bool:
    if "\n" in program or "\r" in program:
        return True
    if _is_file(program) or (program.endswith(".imgql") and '"' not in program):
        return False
    return _BEGINNING.match(program) is not None


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):
        return False  # too long for a name, or with characters not allowed in names


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
    overwrite_inputs: bool = False,
) -> Options:
    """The options for the pipeline. Raises ValueError for invalid ones."""
    from voxgpu.compile import Options
    from voxgpu.files.access import AllowedRoots
    from voxgpu.files.options import ReadOptions
    from voxgpu.language.ast import Dialect

    if same_grid not in (None, "strict", "adopt"):
        raise ValueError(f"same_grid is `strict` or `adopt`, not {same_grid!r}")
    if nifti_form not in ("", "sform", "qform"):
        raise ValueError(f"nifti_form is `sform` or `qform`, not {nifti_form!r}")
    if not isinstance(grid_tolerance, Number) or not 0 <= grid_tolerance <= 0.5:
        raise ValueError(f"grid_tolerance is from 0 to 0.5, not {grid_tolerance!r}")
    if not isinstance(series, str):
        raise TypeError(f"series is the UID of a DICOM series, not {series!r}")
    dialects = [each.value for each in Dialect]
    if dialect and dialect not in dialects:
        raise ValueError(f"dialect is one of {', '.join(dialects)}, not {dialect!r}")
    for name, given in (("read_roots", read_roots), ("write_roots", write_roots),
                        ("primitives", primitives)):  # fmt: skip
        if isinstance(given, str | bytes | os.PathLike) or not isinstance(given, Iterable):
            raise TypeError(f"{name} is a sequence of paths, not {given!r}")
    if not isinstance(define or {}, Mapping):
        raise TypeError(f"define has variables by name, such as a dict; not {define!r}")
    return Options(
        define={
            name: define_text(f"define[{name!r}]", value) for name, value in (define or {}).items()
        },
        output=None if output is None else Path(output),
        dialect=Dialect(dialect) if dialect else None,
        adopt=None if same_grid is None else same_grid == "adopt",
        roots=AllowedRoots(tuple(map(Path, read_roots)), tuple(map(Path, write_roots))),
        primitives=tuple(map(Path, primitives)),
        read=ReadOptions(nifti_form, series),
        tolerance=grid_tolerance,
        images=images,
        overwrite_inputs=overwrite_inputs,
    )


def define_text(where: str, value: object) -> str:
    """A variable's value as command-line text; accepts NumPy's numbers and booleans, too.

    where  the parameter that the value is in, for the message

    Raises TypeError for other objects.
    """
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "shape", None) == () and getattr(value, "ndim", 1) == 0:
        value = item()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if isinstance(value, Number) and not isinstance(value, int | float | complex):
        value = float(value)  # type: ignore[arg-type]  # such as a fraction
    if isinstance(value, str | int | float):
        return str(value)
    raise TypeError(f"{where} is a number, a truth value, a string or a path, not {value!r}")
