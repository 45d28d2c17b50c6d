"""Hand-written kernels run by Python, with every access to an array checked.

A compiled kernel that writes out of bounds corrupts adjacent memory, which is rarely noticed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import pytest

from voxgpu.codegen import numba_kernels


class Checked:
    """An array as seen by a kernel: items by index, and no others."""

    def __init__(self, array: Any) -> None:
        flat = array.reshape(-1)
        assert not array.size or np.shares_memory(flat, array)
        self._flat = flat.view(np.uint8) if flat.dtype == np.bool_ else flat
        self._size = len(flat)
        # Floats stay NumPy's, which divide by zero like compiled code.
        self._is_float = flat.dtype.kind == "f"
        self._bits = 8 * flat.itemsize

    def __getitem__(self, place: int) -> Any:
        assert 0 <= place < self._size, f"reads element {place} of {self._size}"
        value = self._flat[place]
        return np.float64(value) if self._is_float else value.item()

    def __setitem__(self, place: int, value: Any) -> None:
        assert 0 <= place < self._size, f"writes element {place} of {self._size}"
        if not self._is_float:
            value = int(value) & (1 << self._bits) - 1
            if self._flat.dtype.kind == "i" and value >> (self._bits - 1):
                value -= 1 << self._bits
        self._flat[place] = value


@cache
def checked_kernel(module_name: str, name: str) -> Callable[..., Any]:
    """The equivalent of `voxgpu.codegen.numba_kernels.kernel`, not compiled."""
    function, _, types = numba_kernels.declared_kernels(module_name)[name]

    def call(*arguments: Any) -> Any:
        shown = [
            Checked(each) if kind.endswith("*") else np.float64(each) if "float" in kind else each
            for each, kind in zip(arguments, types, strict=True)
        ]
        with np.errstate(all="ignore"):
            return function(*shown)

    return call


@contextmanager
def checked_kernels() -> Iterator[None]:
    """Replaces hand-written kernels by checked ones."""
    compiled = numba_kernels.kernel
    with pytest.MonkeyPatch.context() as patch:
        for module_name, module in list(sys.modules.items()):
            if module_name.startswith("voxgpu."):
                for name, value in list(vars(module).items()):
                    if value is compiled:
                        patch.setattr(module, name, checked_kernel)
        yield
