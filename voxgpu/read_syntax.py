"""The operators of a program and its mistakes in syntax, without looking at names or files."""

from __future__ import annotations

from pathlib import Path

from voxgpu.compile import Options, known_primitives, reader_of
from voxgpu.diagnostics import Diagnostic, Diagnostics, Source
from voxgpu.language.ast import Dialect
from voxgpu.language.operator_classifier import Operators
from voxgpu.language.parse import declared_dialect
from voxgpu.primitives.catalogue import catalogue


def read_syntax(
    source: Source, path: Path | None, options: Options
) -> tuple[Operators, tuple[Diagnostic, ...]]:
    """Returns the operators that a program may use, with those of its imports, and its mistakes.

    The mistakes are those of syntax in the text itself.
    """
    diagnostics = Diagnostics()
    dialect = options.dialect or declared_dialect(source.text) or Dialect.IMGQL
    names = catalogue(known_primitives(options.primitives, Diagnostics()), dialect.value)
    reader = reader_of(names, dialect, options, diagnostics)
    reader.read(source, path.parent if path else Path())
    mine = [each for each in diagnostics.errors if each.span and each.span.source is source]
    return reader.operators, tuple(each for each in mine if each.code == "E100")
