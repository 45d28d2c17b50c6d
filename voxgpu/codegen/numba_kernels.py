"""Compiles and calls the hand-written kernels; the only access to ``voxgpu.kernels``.

A kernel is a Python function in Numba's subset, on flat arrays, typed by annotations that name
Numba's types: ``int64``, ``float32*``. Numba translates it to LLVM IR once per machine; afterwards
its machine code is loaded from the cache, and Numba, whose import and initialization take most of a
second, is not needed. A function without annotations is compiled as part of its callers.

A kernel of several types is written once: a function ``count`` whose annotations list types, such
as ``uint8* | uint16*``, is the kernels ``count_uint8``, of the first of each, and ``count_uint16``.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from inspect import getsource
from threading import RLock
from types import FunctionType
from typing import Any

import numpy as np

from voxgpu.codegen.jit import CTYPES, address_of, function_at, jit_compiler
from voxgpu.forking import hold_while_forking
from voxgpu.installed_version import installed_version

#: The function of a kernel, and the types of its result and its parameters.
Declared = tuple[FunctionType, str, list[str]]

#: Numba is not thread-safe while it compiles.
_LOCK = RLock()
hold_while_forking(_LOCK)


@cache
def kernel(module_name: str, name: str) -> Callable[..., Any]:
    """The kernel ``name`` of ``kernels/<module_name>.py``; compiled, or from the cache.

    The returned function takes contiguous NumPy arrays of the annotated types for pointers, and
    numbers; it releases the GIL while it runs, and returns a number.
    """
    with _LOCK:
        function, result, types = declared_kernels(module_name)[name]
        key = jit_compiler().key(
            f"numba {installed_version('numba')} {_source_digest(module_name)} {module_name}.{name}"
        )
        address = jit_compiler().address(key, lambda symbol: _text(function, result, types, symbol))
        return _callable(address, result, types)


def kernels_of_library() -> Iterator[tuple[str, str]]:
    """The file and the name of every kernel, in order."""
    for each in sorted(files("voxgpu.kernels").iterdir(), key=lambda file: file.name):
        stem = each.name.removesuffix(".py")
        if stem != each.name and stem != "__init__":
            yield from ((stem, name) for name in declared_kernels(stem))


@cache
def declared_kernels(module_name: str) -> Mapping[str, Declared]:
    """The kernels of ``kernels/<module_name>.py`` by name, in order."""
    module = import_module(f"voxgpu.kernels.{module_name}")
    found: dict[str, Declared] = {}
    for name, value in vars(module).items():
        own = isinstance(value, FunctionType) and value.__module__ == module.__name__
        if own and "return" in value.__annotations__:
            found.update(_variants(name, value))
    return found


def _variants(name: str, function: FunctionType) -> Iterator[tuple[str, Declared]]:
    """A kernel, or one for each of the types that its annotations list."""
    kinds_of = function.__annotations__.items()
    listed = {each: str(kind).strip("'\"").split(" | ") for each, kind in kinds_of}
    (result,) = listed.pop("return")
    several = [kinds for kinds in listed.values() if len(kinds) > 1]
    if not several:
        yield name, (function, result, [kind for (kind,) in listed.values()])
        return
    assert len(set(map(len, several))) == 1, f"{name} lists different numbers of types"
    for number, first in enumerate(several[0]):
        types = [kinds[number] if len(kinds) > 1 else kinds[0] for kinds in listed.values()]
        yield f"{name}_{first.rstrip('*')}", (function, result, types)


@cache
def _source_digest(module_name: str) -> str:
    return sha256(getsource(import_module(f"voxgpu.kernels.{module_name}")).encode()).hexdigest()


def kernel_text(module_name: str, name: str, symbol: str) -> str:
    """The LLVM IR of a kernel as the function ``symbol``, for inspection and tests."""
    with _LOCK:
        return _text(*declared_kernels(module_name)[name], symbol)


def _text(function: FunctionType, result: str, types: list[str], symbol: str) -> str:
    """A module of LLVM IR that defines the kernel as ``symbol``."""
    cfunc = _numba().cfunc
    namespace = _compiled_callees(function)
    typed = FunctionType(function.__code__, namespace, function.__name__)
    compiled = cfunc(_numba_type(result)(*map(_numba_type, types)), error_model="numpy")(typed)
    text = compiled.inspect_llvm()
    # Numba generates a wrapper with C's calling convention around the function itself; it would
    # need Numba to report exceptions, which kernels do not raise.
    inner = compiled.native_name.removeprefix("cfunc.")
    return re.sub(rf'(?<![\w.])@"?{re.escape(inner)}"?(?![\w.])', f"@{symbol}", text)


@lru_cache(maxsize=1)
def _numba() -> Any:
    """Numba with its optimization disabled: the same passes would otherwise run twice.

    Numba reads this setting from the environment when it is imported. If it was imported before, it
    optimizes, and compiling takes two to three times as long.
    """
    import os
    import sys

    if "numba" in sys.modules:
        return sys.modules["numba"]
    before = os.environ.get("NUMBA_OPT")
    os.environ["NUMBA_OPT"] = "0"
    try:
        return import_module("numba")
    finally:
        if before is None:
            del os.environ["NUMBA_OPT"]
        else:
            os.environ["NUMBA_OPT"] = before


def _numba_type(name: str) -> Any:
    types = _numba().types
    if name.endswith("*"):
        pointer: Any = types.CPointer
        return pointer(getattr(types, name[:-1]))
    return getattr(types, name)


def _compiled_callees(function: Any) -> dict[str, Any]:
    """The global names of a kernel, with functions replaced by compiled ones."""
    njit = _numba().njit
    namespace = dict(function.__globals__)
    for name, value in function.__globals__.items():
        if isinstance(value, FunctionType) and value.__module__ == function.__module__:
            inner = FunctionType(value.__code__, namespace, name, value.__defaults__)
            namespace[name] = njit(
                error_model="numpy", no_cpython_wrapper=True, no_cfunc_wrapper=True
            )(inner)
    return namespace


def _callable(address: int, result: str, types: list[str]) -> Callable[..., Any]:
    """A function on arrays and numbers, using Numba's calling convention internally."""
    native = function_at(address, "int32", ["result*", "exception*", *types])
    kind = CTYPES[result]
    dtypes = [_dtypes(each) if each.endswith("*") else None for each in types]

    def call(*arguments: Any) -> Any:
        plain = [
            argument if wanted is None else _pointer(argument, wanted)
            for argument, wanted in zip(arguments, dtypes, strict=True)
        ]
        value = kind()
        status = native(ctypes.addressof(value), None, *plain)
        assert status == 0, "a kernel raised"
        return value.value

    return call


def _dtypes(pointer: str) -> tuple[Any, ...]:
    """The array elements accepted for this pointer type."""
    element = np.dtype(pointer[:-1])
    return (element, np.dtype(np.bool_)) if element == np.uint8 else (element,)


def _pointer(array: Any, signature: tuple[Any, ...]) -> int:
    assert array.dtype in signature and array.flags.c_contiguous, (array.dtype, signature)
    return address_of(array)
