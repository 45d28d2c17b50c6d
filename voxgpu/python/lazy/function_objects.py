"""Functions of Python that make the calls of ImgQL's functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from inspect import Parameter, Signature
from typing import Any

from voxgpu.diagnostics import Span
from voxgpu.language.imports import NAMESPACES
from voxgpu.python.lazy.convert import call
from voxgpu.python.lazy.names import FunctionEntry, functions, library
from voxgpu.python.lazy.terms import LibraryCall, Term
from voxgpu.python.lazy.value import LazyValue, applied

#: What programs import, or SimpleITK's functions, as attributes of voxgpu.
LIBRARIES = ("RegionCalculus", *NAMESPACES)


@cache
def function(name: str) -> Callable[..., LazyValue]:
    """The function of this name. Raises LookupError where there is none."""
    return function_of(functions()[name], call)


class Library:
    """The functions that one library provides, as attributes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Callable[..., LazyValue]:
        entry = None if name.startswith("__") else library(self._name).get(name)
        if entry is None:
            raise AttributeError(f"{self._name} has no function {name}", name=name, obj=self)
        if self._name in NAMESPACES:
            made = function_of(entry, partial(_qualified, self._name))
        else:
            made = function_of(entry, partial(_imported, self._name))
        self.__dict__[name] = made
        return made

    def __dir__(self) -> list[str]:
        return sorted(library(self._name))

    def __repr__(self) -> str:
        return f"<functions of {self._name}>"


def attribute(name: str) -> Any:
    """The function or library of this name. Raises LookupError where there is none."""
    return Library(name) if name in LIBRARIES else function(name)


def names() -> list[str]:
    """The names of all functions and libraries."""
    return sorted({*functions(), *LIBRARIES})


def function_of(
    entry: FunctionEntry, make: Callable[[str, Sequence[Term], Span], Term]
) -> Callable[..., LazyValue]:
    """The function of Python for an entry of the manual; ``make`` makes the term of a call."""

    def function(*arguments: object, **named: object) -> LazyValue:
        return applied(entry.name, arguments, named, entry, make)

    function.__name__ = function.__qualname__ = entry.name
    function.__module__, function.__doc__ = "voxgpu", entry.doc
    function.__signature__ = _signature(entry)  # type: ignore[attr-defined]
    return function


def _signature(entry: FunctionEntry) -> Signature:
    """The signature for people: that of the only overload, else any arguments."""
    kinds = {tuple(p.name for p in each.parameters) for each in entry.signatures}
    if len(kinds) != 1 or entry.signatures[0].is_open:
        return Signature([Parameter("arguments", Parameter.VAR_POSITIONAL)])
    return Signature(
        [
            Parameter(
                each.name,
                Parameter.POSITIONAL_OR_KEYWORD,
                default=... if each.default else Parameter.empty,
            )
            for each in entry.signatures[0].parameters
        ]
    )


def _qualified(space: str, name: str, terms: Sequence[Term], span: Span) -> Term:
    return call(f"{space}.{name}", terms, span)


def _imported(library: str, name: str, terms: Sequence[Term], span: Span) -> Term:
    return LibraryCall(name, tuple(terms), span, span, library=library)  # type: ignore[arg-type]


def apply(name: str, *arguments: object) -> LazyValue:
    r"""The value of any function or operator of ImgQL, by its name there.

    For what has no name in Python, such as ``vx.apply("~>", a, b)`` or ``vx.apply("\\", a, b)``.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"a function has a name, such as near or ~>, not {name!r}")
    return applied(name, arguments, {})
