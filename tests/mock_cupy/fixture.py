"""Fixtures that install the mock as ``cupy`` while a test runs, fresh, and remove it afterwards.

A module of tests imports ``double`` from here; a test that wants a machine of its own enters
``installed``. Code that keeps what ``import cupy`` returned, as caches do, has to forget it itself.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

#: The folder that holds the doubles of packages: first on PYTHONPATH, processes find them too.
SITE = Path(__file__).resolve().parent / "site"

REPOSITORY = SITE.parents[2]

#: Packages that are, or belong to, what is replaced.
_REPLACED = ("cupy", "cupyx", "cupy_backends", "pynvml")

#: The first line of what the double takes for a cubin.
CUBIN = "// double of a cubin\n"


@pytest.fixture
def double() -> Iterator[Any]:
    """The double, with two GPUs of 256 MiB and nothing counted."""
    with installed() as cupy:
        yield cupy


@contextmanager
def installed(**environment: str) -> Iterator[Any]:
    """The double as ``cupy`` for a while.

    environment  what the machine is (see ``cupy/_machine.py``), such as ``DOUBLE_GPUS="4"``

    Raises, at the end, what went wrong where nothing could be raised, such as memory that was freed
    while a copy used it.
    """
    before = _set_aside()
    said = {"CUDA_VISIBLE_DEVICES": None, **environment}
    variables = {name: os.environ.get(name) for name in (*said, *_described())}
    _describe({**dict.fromkeys(variables), **said})
    sys.path.insert(0, str(SITE))
    try:
        cupy = importlib.import_module("cupy")
        yield cupy
        gc.collect()
        cupy.testing_double.raise_unseen()
    finally:
        sys.path.remove(str(SITE))
        _describe(variables)
        _set_aside()
        sys.modules.update(before)
        importlib.invalidate_caches()


def environment_of_processes(**environment: str) -> dict[str, str]:
    """The environment in which other processes find the double."""
    found = {name: value for name, value in os.environ.items() if name not in _described()}
    found.pop("CUDA_VISIBLE_DEVICES", None)
    known = found.get("PYTHONPATH")
    found["PYTHONPATH"] = os.pathsep.join([str(SITE), str(REPOSITORY), *([known] if known else [])])
    return {**found, **environment}


def cubin_of(text: str) -> bytes:
    """What the double takes for a cubin of some CUDA C++."""
    return (CUBIN + text).encode()


def _described() -> list[str]:
    return [name for name in os.environ if name.startswith("DOUBLE_")]


def _describe(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _set_aside() -> dict[str, ModuleType]:
    """Makes the interpreter forget what is replaced, and returns that."""
    names = [name for name in sys.modules if name.partition(".")[0] in _REPLACED]
    return {name: sys.modules.pop(name) for name in names}
