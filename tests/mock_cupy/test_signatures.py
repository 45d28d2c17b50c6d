"""Every function of the mock exists in the installed CuPy, with the same parameters.

No GPU is needed for this: Cython writes the parameters of compiled functions into docstrings.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.mock_cupy.fixture import installed

#: Modules of ``cupy.cuda`` that are compared.
_OF_CUDA = ("", ".memory", ".nvtx", ".runtime")

#: Names that only the mock has.
ITS_OWN = {"testing_double"}


def test_double_offers_nothing_that_cupy_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUPY_CACHE_DIR", str(tmp_path))
    real = pytest.importorskip("cupy", reason="CuPy is not installed")
    with installed() as cupy:
        differences = [
            difference
            for name in ("cupy", *(f"cupy.cuda{each}" for each in _OF_CUDA))
            for difference in _differences_of_modules(
                importlib.import_module(name), _within(real, name.partition(".")[2]), name
            )
        ]
        differences += _differences_of_modules(cupy.cuda.driver, real.cuda.driver, "driver")
        array = cupy.zeros(1)
        differences += [
            f"ndarray.{name}"
            for name in dir(array)
            if not name.startswith("_") and not hasattr(real.ndarray, name)
        ]
        attributes = [f"cudaDevAttr{name}" for name in cupy.cuda.Device(0).attributes]
        differences += [name for name in attributes if not hasattr(real.cuda.runtime, name)]
        for status in (1, 2, 100, 101, 217, 400, 600, 700, 704):
            ours, theirs = (
                str(each.cuda.runtime.CUDARuntimeError(status)) for each in (cupy, real)
            )
            differences += [] if ours == theirs else [f"{ours} for {theirs}"]
    assert differences == []


def test_differences_are_found() -> None:
    def ours(size: int, stream: object = None) -> None: ...

    def same(size: int, more: int = 0, stream: object = None) -> None: ...

    def renamed(count: int, stream: object = None) -> None: ...

    def demanding(size: int, stream: object, other: object) -> None: ...

    assert _differences(ours, ours, "f") == []
    assert _differences(ours, same, "f") == []
    assert _differences(ours, renamed, "f")
    assert _differences(ours, demanding, "f")
    text = "f(self, size_t size, ptrdiff_t offset=(1, 2), *, str name=None) -> int\n\nDoes."
    assert _said(text, "f") == {"size": False, "offset": True, "name": True}


def _within(module: Any, path: str) -> Any:
    for name in filter(None, path.split(".")):
        module = getattr(module, name)
    return module


def _differences_of_modules(ours: ModuleType, theirs: Any, path: str) -> list[str]:
    return [
        difference
        for name in ours.__all__
        if name not in ITS_OWN
        for difference in _compared(getattr(ours, name), theirs, name, path)
    ]


def _compared(ours: Any, theirs: Any, name: str, path: str) -> list[str]:
    full = f"{path}.{name}"
    if not hasattr(theirs, name):
        return [f"{full} is not in CuPy"]
    other = getattr(theirs, name)
    if inspect.isclass(ours) and ours.__module__.startswith("cupy"):
        found = _differences(ours, other, full)
        for each, value in vars(ours).items():
            if not each.startswith("_"):
                found += _compared(value, other, each, full)
        return found
    if isinstance(ours, int | str):
        return [] if ours == other else [f"{full} is {other}"]
    if isinstance(ours, property):
        return [f"{full} is a method"] if inspect.isroutine(other) else []
    return _differences(ours, other, full) if inspect.isfunction(ours) else []


def _differences(ours: Any, theirs: Any, full: str) -> list[str]:
    """Our parameters that CuPy's function lacks; CuPy's may have more, with defaults."""
    known = _parameters(theirs)
    if known is None:
        return []
    used = _parameters(ours) or {}
    found = [f"{full} has no parameter {name}: {list(known)}" for name in used if name not in known]
    places = [list(known).index(name) for name in used if name in known]
    if places != sorted(places):
        found.append(f"{full} has its parameters in the order {list(known)}")
    needed = [name for name, has_default in known.items() if not has_default]
    return found + [f"{full} needs {name}" for name in needed if name not in used]


def _parameters(call: Callable[..., Any]) -> dict[str, bool] | None:
    """Names of parameters, and which have defaults; None if they are not documented."""
    if inspect.isclass(call):
        # Cython documents it in the class, where inspect does not see it.
        said = _said(inspect.getdoc(call) or "", f"(?:{call.__name__}|__init__)")
        if said is not None:
            return said
        call = call.__init__
    try:
        signature = inspect.signature(call).parameters.values()
    except (ValueError, TypeError):
        return _said(inspect.getdoc(call) or "", r"(?:\w+\.)?\w+")
    if any(each.kind is each.VAR_POSITIONAL for each in signature):
        return None
    return {
        each.name: each.default is not each.empty
        for each in signature
        if each.name != "self" and each.kind is not each.VAR_KEYWORD
    }


def _said(text: str, name: str) -> dict[str, bool] | None:
    """The parameters in the first line of Cython's docstring of a function."""
    match = re.match(rf"{name}\((.*)\)(?: -> .*)?$", text.partition("\n")[0])
    if match is None:
        return None
    found: dict[str, bool] = {}
    # Commas within brackets are in defaults.
    for each in re.split(r",\s*(?![^()]*\))", match[1]):
        declared, _, default = each.partition("=")
        name = declared.partition(":")[0].split()[-1:]
        if name and name[0] not in ("self", "cls") and not name[0].startswith("*"):
            found[name[0]] = bool(default)
    return found
