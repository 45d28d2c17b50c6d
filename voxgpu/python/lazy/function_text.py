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

    Raises TypeError if it has no text, or uses objects whose text does not say what they are.
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
        imports[source] = None  # it may have imports of its own
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
    modules = imported("\n".join(imports))
    return FunctionText("\n".join(f"{key}\n{texts[key]}" for key in sorted(texts)), modules)


def _source(function: Any) -> str:
    try:
        return dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise TypeError(
            f"the text of `{function.__name__}` is not there, which says what it computes: "
            "write it into a file or a notebook"
        ) from None


def _used(function: Any) -> Iterator[tuple[str, Any]]:
    """The names that a function takes from outside, and their values."""
    function = inspect.unwrap(function)
    around = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for name, cell in around.items():
        yield name, cell.cell_contents
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            value = function.__globals__[name]
            if value is not getattr(builtins, name, None):
                yield name, value


def _names(code: CodeType) -> set[str]:
    """The global names in some code, and in functions within."""
    loads = ("LOAD_GLOBAL", "LOAD_NAME")
    found = {each.argval for each in get_instructions(code) if each.opname in loads}
    for each in code.co_consts:
        if isinstance(each, CodeType):
            found |= _names(each)
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
