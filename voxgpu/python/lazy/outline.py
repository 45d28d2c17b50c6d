"""The outermost operations of a term as ImgQL, for people."""

from __future__ import annotations

from typing import Any

from voxgpu.language.ast import Filter, For, Name
from voxgpu.language.unparse import unparse
from voxgpu.python.lazy.terms import Input, Loop, Parameter, Term, parts, with_parts

_DEPTH = 3
_LONGEST = 120


def outline(term: Term) -> str:
    """The term, with deeper operations shown as ``…``."""
    text = unparse(_cut(term, _DEPTH))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _cut(term: Term, depth: int) -> Any:
    span = term.span
    if isinstance(term, Input):
        return Name(term.name, span)
    if isinstance(term, Parameter):
        return Name("item", span)
    inside = parts(term)
    if not inside:
        return term
    if not depth:
        return Name("…", span)
    shown = [_cut(each, depth - 1) for each in inside]
    if isinstance(term, Loop):
        sequence, body = shown
        return (Filter if term.filters else For)("item", sequence, body, span, span)
    return with_parts(term, shown)
