"""Type-checked arguments of a launch, otherwise passed as by CuPy.

On a device, a number of the wrong size shifts all that follow, and an array of the wrong type is
reinterpreted silently. Here it is a TypeError.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np


class Parameters:
    """The parameters of a kernel.

    described  from ``describe`` in ``emulation.h``: ``const f4*;u1*;i8;``
    """

    def __init__(self, kernel: str, described: str) -> None:
        self._kernel = kernel
        self._parameters = described.split(";")[:-1]

    @property
    def only_read(self) -> tuple[bool, ...]:
        """For each parameter, whether it is a pointer through which the kernel does not write."""
        return tuple(each.startswith("const ") for each in self._parameters)

    def packed(self, arguments: Sequence[Any]) -> Any:
        """A 64-bit word for each argument. The arrays must live until the launch has ended."""
        if len(arguments) != len(self._parameters):
            raise TypeError(
                f"{self._kernel} takes {len(self._parameters)} arguments, not {len(arguments)}"
            )
        words = (ctypes.c_uint64 * max(1, len(arguments)))()
        for place, (argument, type_) in enumerate(zip(arguments, self._parameters, strict=True)):
            try:
                words[place] = (
                    _address(argument, type_) if type_[-1] == "*" else _bits(argument, type_)
                )
            except TypeError as error:
                raise TypeError(f"{self._kernel}, argument {place + 1}: {error}") from None
        return words


def _address(argument: Any, type_: str) -> int:
    if isinstance(argument, np.unsignedinteger) and argument.dtype.itemsize == 8:
        return int(argument)
    if not isinstance(argument, np.ndarray):
        raise TypeError(f"{type_} is wanted, not {type(argument).__name__}")
    if not argument.flags.c_contiguous:
        raise TypeError("the array is not contiguous")
    is_constant = type_.startswith("const ")
    element = type_.removeprefix("const ").removesuffix("*")
    if not _is_element(argument.dtype, element):
        raise TypeError(f"{type_} is wanted, not an array of {argument.dtype}")
    if not is_constant and not argument.flags.writeable:
        raise TypeError("the array is read-only, and the kernel may write to it")
    return int(argument.__array_interface__["data"][0])


def _is_element(dtype: np.dtype[Any], element: str) -> bool:
    """Whether an array's elements match a pointer's; vectors match any element."""
    if element[0] == "v":
        return True
    kind = dtype.kind + str(dtype.itemsize)
    return kind == element or {kind, element} <= {"b1", "u1"}


def _bits(argument: Any, type_: str) -> int:
    number = argument
    if not isinstance(argument, np.generic):  # CuPy's rule for the numbers of Python
        if isinstance(argument, bool):
            number = np.bool_(argument)
        elif isinstance(argument, int):
            number = np.int64(argument)
        elif isinstance(argument, float):
            number = np.float64(argument)
        else:
            raise TypeError(f"{type_} is wanted, not {type(argument).__name__}")
    if not _is_element(number.dtype, type_) or type_[0] == "v":
        raise TypeError(f"{type_} is wanted, not {number.dtype}")
    return int.from_bytes(number.tobytes(), "little")
