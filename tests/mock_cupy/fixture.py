"""Fixtures that install the mock as ``cupy`` while a test runs, fresh, and remove it afterwards.

A test module imports ``double`` from here; a test that needs a machine of its own enters
``installed``. Code that retains the result of ``import cupy``, as caches do, must reset itself.
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

#: The folder that contains the mock packages: if it is first on PYTHONPATH, processes find them
#: too.
SITE = Path(__file__).resolve().parent / "site"

REPOSITORY = SITE.parents[2]

#: Packages that are replaced, or belong to replaced ones.
_REPLACED = ("cupy", "cupyx", "cupy_backends", "pynvml")

#: The first line of a mock cubin.
CUBIN = "// double of a cubin\n"


@pytest.fixture
def double() -> Iterator[Any]:
    """The mock, with two GPUs of 256 MiB and counters at zero."""
    with installed() as cupy:
        yield cupy


@contextmanager
def installed(**environment: str) -> Iterator[Any]:
    """Installs the mock as ``cupy`` temporarily.

    environment  describes the machine (see ``cupy/_machine.py``), such as ``DOUBLE_GPUS="4"``

    Raises, at the end, errors that could not be raised when they occurred, such as memory that was
    freed while a copy used it.
    """
    before = _set_aside()
    said = {"CUDA_VISIBLE_DEVICES": None, **environment}
    variables = {name: os.environ.get(name) for name in (*said, *_described())}
    _describe({**dict.fromkeys(variables), **said})
    sys.path.insert(0, str(SITE))
    try:
        cupy = importlib.import_module("cupy")
        gc.freeze()  # only what the block makes is searched below: all takes 0.2 s and more
        yield cupy
        gc.collect()
        cupy.testing_double.raise_unseen()
    finally:
        gc.unfreeze()
        sys.path.remove(str(SITE))
        _describe(variables)
        _set_aside()
        sys.modules.update(before)
        importlib.invalidate_caches()


def environment_of_processes(**environment: str) -> dict[str, str]:
    """The environment in which other processes find the mock."""
    found = {name: value for name, value in os.environ.items() if name not in _described()}
    found.pop("CUDA_VISIBLE_DEVICES", None)
    known = found.get("PYTHONPATH")
    found["PYTHONPATH"] = os.pathsep.join([str(SITE), str(REPOSITORY), *([known] if known else [])])
    return {**found, **environment}


def cubin_of(text: str) -> bytes:
    """A mock cubin of some CUDA C++."""
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
    """Removes the replaced modules from the interpreter, and returns them."""
    names = [name for name in sys.modules if name.partition(".")[0] in _REPLACED]
    return {name: sys.modules.pop(name) for name in names}
