"""The functions of ImgQL that are functions of Python, too, with their signatures and texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from keyword import iskeyword

from voxgpu.compile import known_primitives
from voxgpu.diagnostics import Diagnostics
from voxgpu.frozen import frozen
from voxgpu.language.builtins import HIGHER_ORDER
from voxgpu.language.imports import NAMESPACES
from voxgpu.manual import manual
from voxgpu.manual import namespace as simpleitk_entries
from voxgpu.primitives.documentation import Entry

_SIGNATURE = re.compile(r"[^\s(]+\((?P<inside>.*)\) -> (?P<result>.+)$")
_PARAMETER = re.compile(r"(?P<name>\w+): (?P<type>.+?)(?: = (?P<default>.+))?$")

#: Families of the manual that are no functions.
_SYNTAX = ("command", "expression", "type")


@frozen
class Parameter:
    """A parameter: its name, its type as the manual writes it, and its default; empty: none."""

    name: str
    type: str
    default: str = ""


@frozen
class Signature:
    """One overload of a function; ``is_open`` if any number of arguments may follow."""

    parameters: tuple[Parameter, ...]
    result: str
    is_open: bool = False


@frozen
class FunctionEntry:
    """A function of ImgQL.

    name        as Python writes it
    signatures  its overloads
    doc         what it does, for people
    library     what a program imports to use it; empty: nothing
    """

    name: str
    signatures: tuple[Signature, ...]
    doc: str
    library: str = ""

    @property
    def is_method(self) -> bool:
        """Whether the first argument may be an image or a sequence, so that it is a method, too."""
        firsts = [each.parameters[0].type for each in self.signatures if each.parameters]
        return any(each.startswith(("image", "sequence")) for each in firsts)


@cache
def functions() -> Mapping[str, FunctionEntry]:
    """All functions that need no import, by name; operators are not among them."""
    return {each.name: each for each in _entries() if not each.library}


@cache
def methods() -> frozenset[str]:
    """The functions that are methods of lazy values, too."""
    return frozenset(name for name, each in functions().items() if each.is_method)


@cache
def library(name: str) -> Mapping[str, FunctionEntry]:
    """The functions of SimpleITK, or those that ``import`` of this name provides."""
    if name in NAMESPACES:
        found = _grouped(list(simpleitk_entries()), f"{name}.")
        return {each.name: each for each in found}
    return {each.name: each for each in _entries() if each.library == name}


@cache
def taken_names() -> frozenset[str]:
    """Names that programs must not rebind if these functions are to be used in them."""
    every = (n for entry in _manual() if entry.family not in _SYNTAX for n in entry.names)
    return frozenset((*every, *HIGHER_ORDER))


@cache
def _manual() -> tuple[Entry, ...]:
    return tuple(manual(known_primitives((), Diagnostics())))


@cache
def _entries() -> tuple[FunctionEntry, ...]:
    return tuple(entries_of(_manual()))


def entries_of(every: Iterable[Entry]) -> list[FunctionEntry]:
    """The functions among these entries of the manual."""
    return _grouped([each for each in every if each.family not in _SYNTAX], "")


def _grouped(entries: list[Entry], prefix: str) -> list[FunctionEntry]:
    """The functions of these entries; those of one name are overloads of one function."""
    named: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        library = entry.after.removeprefix('import "').removesuffix('"')
        for name in entry.names:
            plain = name.removeprefix(prefix)
            is_function = name.startswith(prefix) and name not in HIGHER_ORDER
            if is_function and plain.isidentifier() and not iskeyword(plain):
                named.setdefault((plain, library), []).append(entry)
    found = []
    for (name, library), same in named.items():
        texts = dict.fromkeys(text for each in same for text in each.signatures)
        signatures = [each for each in map(_signature, texts) if each is not None]
        doc = "\n\n".join(dict.fromkeys(each.text for each in same))
        found.append(FunctionEntry(name, tuple(signatures), doc, library))
    return found


def _signature(text: str) -> Signature | None:
    """The signature that the manual writes like this; None for other notations, such as ``xs[i]``.

    ``f(a: image of numbers, radius: number = 1) -> number``
    """
    match = _SIGNATURE.match(text)
    if match is None:
        return None
    inside = match["inside"]
    is_open = inside.endswith(", …")
    parameters = []
    for each in re.split(r", (?=\w+: )", inside.removesuffix(", …")) if inside else []:
        part = _PARAMETER.match(each)
        if part is None:
            return None
        parameters.append(Parameter(part["name"], part["type"], part["default"] or ""))
    return Signature(tuple(parameters), match["result"], is_open)


def in_position(
    name: str,
    arguments: Sequence[object],
    named: Mapping[str, object],
    entry: FunctionEntry | None,
) -> list[object]:
    """The arguments that are given by name, in the order of an overload that has these names.

    arguments  those given by position, which come first

    Raises TypeError if no overload has such parameters, one after the other.
    """
    if not named:
        return []
    overloads = entry.signatures if entry is not None else ()
    count = len(arguments)
    for each in overloads:
        left = [parameter.name for parameter in each.parameters[count:]]
        if set(left[: len(named)]) == set(named):
            return [named[parameter] for parameter in left[: len(named)]]
    known = " or ".join(
        dict.fromkeys(f"{name}({', '.join(p.name for p in each.parameters)})" for each in overloads)
    )
    given = ", ".join(named)
    raise TypeError(
        f"{name} takes no argument named {given} after {count} by position; it is {known or name}"
    )
