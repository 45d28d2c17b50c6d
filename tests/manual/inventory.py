"""Every name that a program can use, found without asking what is said of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

from voxgpu.language.builtins import HIGHER_ORDER, OPERATIONS
from voxgpu.language.imports import BUNDLED
from voxgpu.language.lexer import KEYWORDS
from voxgpu.primitives.catalogue import catalogue, standard_primitives
from voxgpu.primitives.simpleitk import SimpleITKNamespace


def bound_in(name: str) -> list[str]:
    """What one of the programs that come with voxgpu binds."""
    text = files("voxgpu.language").joinpath(BUNDLED[name]).read_text("utf-8")
    return re.findall(r"^let ([^\s(]+)", text, re.MULTILINE)


def own_names() -> Iterator[str]:
    """All names but those of SimpleITK."""
    for dialect in ("", "imgql1", "imgql2"):
        yield from catalogue(standard_primitives(), dialect)
    for name, file in BUNDLED.items():
        if file:
            yield from bound_in(name)
    yield from OPERATIONS
    yield from HIGHER_ORDER
    yield from KEYWORDS


def foreign_names() -> list[str]:
    """Those of SimpleITK, with its namespace."""
    return [f"simpleitk.{name}" for name in SimpleITKNamespace()]
