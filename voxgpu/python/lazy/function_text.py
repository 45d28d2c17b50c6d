"""The text of a function with all that it depends on, which says what it computes."""

from __future__ import annotations

import builtins
import inspect
import sys
from collections.abc import Callable, Iterator
from dis import get_instructions
from hashlib import sha256
from textwrap import dedent
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from voxgpu.frozen import frozen
from voxgpu.primitives.module_versions import imported

#: Constants whose text is their value.
_CONSTANTS = (bool, int, float, complex, str, bytes, type(None))


@frozen
class FunctionText:
    """The texts of a function, of the functions and of the constants that it uses.

    modules  the modules that they use, directly or not, and the digest or version of each
    """

    text: str
    modules: dict[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the text."""
        return sha256(self.text.encode()).hexdigest()


def text_of(function: Callable[..., Any]) -> FunctionText:
    """The text of a function, and of what it uses of its module and of functions around it.

    Raises TypeError if it uses objects whose text does not say what they are.
    """
    texts: dict[str, str] = {}
    imports: dict[str, None] = {}
    waiting: list[Any] = [function]
    while waiting:
        each = waiting.pop()
        key = f"{each.__module__}.{each.__qualname__}"
        if key in texts:
            continue
        texts[key] = source = _source(each)
        imports[source] = None  # there may be imports in it
        names = _names(inspect.unwrap(each).__code__, ("IMPORT_NAME",))
        imports.update(dict.fromkeys(f"import {name}" for name in sorted(names)))
        for name, value in _used(each):
            if isinstance(value, ModuleType):
                imports[f"import {value.__name__}"] = None
            elif _is_constant(value):
                texts[f"{key} {name}"] = repr(value)
            elif _is_of_module(value, function):
                imports[f"import {value.__module__}"] = None
                texts[f"{key} {name}"] = value.__qualname__
            elif isinstance(value, FunctionType):
                waiting.append(value)
            else:
                kind = type(value).__name__
                raise TypeError(
                    f"the primitive `{function.__name__}` uses `{name}`, a {kind}, which may "
                    "change while its text does not: make it a parameter, or write it there"
                )
    modules: dict[str, str] = {}
    for text in imports:
        modules |= imported(text)  # each alone: of what cannot be parsed nothing is found
    return FunctionText("\n".join(f"{key}\n{texts[key]}" for key in sorted(texts)), modules)


def _source(function: Any) -> str:
    """The text of a function; its instructions where it was typed and there is no text."""
    try:
        return dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return f"{sys.version_info[:2]} {_instructions(inspect.unwrap(function).__code__)}"


def _instructions(code: CodeType) -> str:
    """The instructions of some code, with the constants and names that they refer to."""
    constants = [_instructions(c) if isinstance(c, CodeType) else repr(c) for c in code.co_consts]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    return f"{code.co_code.hex()} {code.co_flags} {constants} {names}"


def _used(function: Any) -> Iterator[tuple[str, Any]]:
    """The names that a function takes from outside, and their values."""
    function = inspect.unwrap(function)
    around = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for name, cell in around.items():
        yield name, cell.cell_contents
    for name in sorted(_names(function.__code__, ("LOAD_GLOBAL", "LOAD_NAME"))):
        if name in function.__globals__:
            value = function.__globals__[name]
            if value is not getattr(builtins, name, None):
                yield name, value


def _names(code: CodeType, instructions: tuple[str, ...]) -> set[str]:
    """The names in these instructions of some code, and of functions within."""
    found = {each.argval for each in get_instructions(code) if each.opname in instructions}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found |= _names(each, instructions)
    return found


def _is_constant(value: object) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(map(_is_constant, value))
    return isinstance(value, _CONSTANTS)


def _is_of_module(value: Any, function: Callable[..., Any]) -> bool:
    """Whether another module provides it, which then counts by its content or version."""
    name = getattr(value, "__module__", None)
    if isinstance(value, BuiltinFunctionType | type) and not isinstance(name, str):
        return False
    module = sys.modules.get(name) if isinstance(name, str) else None
    own = getattr(value, "__name__", "")
    is_elsewhere = name not in ("__main__", function.__module__)
    return module is not None and is_elsewhere and getattr(module, own, None) is value
