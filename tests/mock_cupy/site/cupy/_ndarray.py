"""Arrays on a device: a shape, a type and an address; their bytes are not accessible.

Only contiguous arrays in C order are supported, and only operations without a CuPy kernel: views,
copies from and to the host. Everything else that CuPy can do is rejected, including conversions of
arrays of one element to numbers, which would wait for the device implicitly.
"""

# The name is NumPy's.
# ruff: noqa: N801
from __future__ import annotations

from math import prod
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from cupy.cuda.device import Device
from cupy.cuda.memory import MemoryPointer, alloc
from cupy.cuda.stream import Stream, get_current_stream

_IMPLICIT = (
    "Implicit conversion to a NumPy array is not allowed. "
    "Please use `.get()` to construct a NumPy array explicitly."
)

_KINDS = "?bhilqBHILQefdFD"

Shape = int | tuple[int, ...]


class Flags:
    """The memory layout of an array."""

    c_contiguous = True

    def __init__(self, f_contiguous: bool, owndata: bool) -> None:
        self.f_contiguous = f_contiguous
        self.owndata = owndata

    def __getitem__(self, name: str) -> bool:
        return bool(getattr(self, name.lower()))


class ndarray:
    """An array on a device.

    memptr  its memory; None: memory from the current allocator
    """

    #: The module name by which dask recognizes it.
    __module__ = "cupy"

    __array_priority__ = 100

    def __init__(
        self,
        shape: Shape,
        dtype: npt.DTypeLike = float,
        memptr: MemoryPointer | None = None,
        strides: tuple[int, ...] | None = None,
        order: str = "C",
    ) -> None:
        self.shape = _shape(shape)
        self.dtype = np.dtype(dtype)
        if self.dtype.char not in _KINDS:
            raise ValueError(f"Unsupported dtype {self.dtype}")
        if any(length < 0 for length in self.shape):
            raise ValueError("Negative dimensions are not allowed")
        if order != "C" or strides not in (None, self.strides):
            raise NotImplementedError("the double has arrays without gaps in the order of C only")
        self.base: ndarray | None = None
        self.data = alloc(self.nbytes) if memptr is None else memptr

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        lengths = self.shape
        return tuple(self.itemsize * prod(lengths[axis + 1 :]) for axis in range(len(lengths)))

    @property
    def flags(self) -> Flags:
        is_line = sum(length != 1 for length in self.shape) <= 1
        return Flags(is_line or not self.size, self.base is None)

    @property
    def device(self) -> Device:
        return self.data.device

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "typestr": self.dtype.str,
            "descr": self.dtype.descr,
            "stream": get_current_stream().ptr or 1,
            "version": 3,
            "strides": None,
            "data": (self.data.ptr if self.size else 0, False),
        }

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of unsized object")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<double of an array of {self.dtype}, shape {self.shape}, on {self.device}>"

    def __reduce__(self) -> tuple[Any, tuple[npt.NDArray[Any]]]:
        from cupy._creation import asarray

        return asarray, (self.get(),)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> NoReturn:
        raise TypeError(_IMPLICIT)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **rest: Any) -> NoReturn:
        for each in inputs:
            if isinstance(each, np.ndarray):
                raise TypeError(f"Unsupported type {type(each)}")
        raise TypeError("the double of CuPy computes nothing: launch a kernel")

    def _refuse(self) -> NoReturn:
        raise TypeError(_IMPLICIT)

    __bool__ = __int__ = __float__ = __complex__ = __index__ = _refuse

    def __iter__(self) -> NoReturn:
        raise TypeError(_IMPLICIT)

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> ndarray:
        """The same bytes in another shape; -1 for the length that follows from the others."""
        wanted = _shape(shape[0] if len(shape) == 1 else shape)
        if -1 in wanted:
            known = prod(length for length in wanted if length != -1)
            if wanted.count(-1) > 1:
                raise ValueError("can only specify only one unknown dimension")
            rest = self.size // known if known else 0
            wanted = tuple(rest if length == -1 else length for length in wanted)
        if prod(wanted) != self.size or order != "C" or copy:
            raise ValueError(f"cannot reshape array of size {self.size} into shape {wanted}")
        return self._view(wanted, self.dtype, 0)

    def ravel(self, order: str = "C") -> ndarray:
        """The same bytes along one axis."""
        return self.reshape(self.size, order=order)

    def view(self, dtype: npt.DTypeLike | None = None, type: Any = None) -> ndarray:
        """The same bytes as another type; the last axis becomes longer or shorter."""
        if type is not None:
            raise NotImplementedError("the double has one type of arrays")
        kind = self.dtype if dtype is None else np.dtype(dtype)
        if kind.itemsize == self.itemsize:
            return self._view(self.shape, kind, 0)
        if not self.shape:
            raise ValueError(
                "Changing the dtype of a 0d array is only supported if the itemsize is unchanged"
            )
        length, rest = divmod(self.shape[-1] * self.itemsize, kind.itemsize)
        if rest:
            raise ValueError(
                "When changing to a larger dtype, its size must be a divisor of the "
                "total size in bytes of the last axis of the array."
            )
        return self._view((*self.shape[:-1], length), kind, 0)

    def __getitem__(self, place: int | slice) -> ndarray:
        """Adjacent items along the first axis, or one of them, in place; nothing is copied."""
        if not isinstance(place, int | np.integer | slice) or not self.shape:
            raise NotImplementedError("the double takes one number or range of the first axis")
        length = self.shape[0]
        step = prod(self.shape[1:])
        if isinstance(place, slice):
            start, stop, stride = place.indices(length)
            if stride != 1:
                raise NotImplementedError("the double has arrays without gaps only")
            shape = (max(0, stop - start), *self.shape[1:])
            return self._view(shape, self.dtype, start * step)
        index = int(place)
        if not -length <= index < length:
            raise IndexError(f"Index {index} is out of bounds for axis 0 with size {length}")
        return self._view(self.shape[1:], self.dtype, index % length * step)

    def get(
        self,
        stream: Stream | None = None,
        order: str = "C",
        out: npt.NDArray[Any] | None = None,
        blocking: bool = True,
    ) -> npt.NDArray[Any]:
        """Its elements on the host, valid once the copy has run; waits if ``blocking``."""
        target = np.empty(self.shape, self.dtype) if out is None else out
        _check_same("obtained from", self, target)
        if not target.flags.c_contiguous:
            raise RuntimeError("`out` cannot be specified when copying to non-contiguous ndarray")
        used = stream or get_current_stream()
        with self.device:
            if self.size:
                self.data.copy_to_host_async(target.ctypes.data, self.nbytes, used)
            if blocking:
                used.synchronize()
        return target

    def set(self, arr: npt.NDArray[Any], stream: Stream | None = None) -> None:
        """Copies elements from the host."""
        _check_same("set to", self, arr)
        source = np.ascontiguousarray(arr)
        with self.device:
            if self.size:
                self.data.copy_from_host_async(source.ctypes.data, self.nbytes, stream)

    def _view(self, shape: tuple[int, ...], dtype: np.dtype[Any], first: int) -> ndarray:
        view = ndarray(shape, dtype, memptr=self.data + first * self.itemsize)
        view.base = self if self.base is None else self.base
        return view


def _check_same(what: str, array: ndarray, host: Any) -> None:
    if not isinstance(host, np.ndarray):
        raise TypeError(f"Only numpy.ndarray can be {what} cupy.ndarray")
    if array.dtype != host.dtype:
        raise TypeError(f"{host.dtype} array cannot be {what} {array.dtype} array")
    if array.shape != host.shape:
        raise ValueError(f"Shape mismatch. Old shape: {array.shape}, new shape: {host.shape}")


def _shape(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, int | np.integer):
        return (int(shape),)
    return tuple(int(length) for length in shape)
