"""Results on a device that may not be computed yet: images and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.launch import Array
from voxgpu.deferred import DeferredError, DeferredValue, Warnings, fetched, is_ready, warnings_of
from voxgpu.frozen import frozen
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.primitives.primitive import (
    UndefinedValueError,
    Value,
    ValueWithWarning,
    empty_mask,
)

#: Computes a value from the transferred numbers. Raises UndefinedValueError if it is undefined.
Finish = Callable[[npt.NDArray[np.float64]], Value | ValueWithWarning]


class ScalarTransfer:
    """Numbers that one launch leaves on a device, fetched together when the first is needed.

    array  one-dimensional, float64
    event  recorded when the numbers have been computed
    """

    def __init__(self, device: CudaDevice, array: Array, event: Any) -> None:
        self.device = device
        self.array = array
        self.event = event
        self._lock = Lock()
        self._values: npt.NDArray[np.float64] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether fetching would not wait for the device."""
        return self._values is not None or self.device.is_done(self.event)

    def values(self) -> npt.NDArray[np.float64]:
        """Wait for all of them and return them."""
        with self._lock:
            if self._values is None:
                self._values = self.device.download(self.array, self.event)
        return self._values


class _FetchOnce(DeferredValue):
    """A deferred value, fetched at most once.

    Fetching may add a warning, or raise DeferredError if the value is undefined.
    """

    def __init__(self, id: ValueId, sources: tuple[DeferredValue, ...]) -> None:
        self.id = id
        self.sources = sources
        self._turn = Lock()
        self._found: list[Value | DeferredError] = []
        self._warnings: Warnings = ()

    def fetch(self) -> Value:
        """Return the value; raises DeferredError if it, or one of its sources, is undefined."""
        with self._turn:
            if not self._found:
                self._found.append(self._outcome())
        value = self._found[0]
        if isinstance(value, DeferredError):
            raise value
        return value

    def _outcome(self) -> Value | DeferredError:
        try:
            for source in self.sources:
                source.fetch()
            made = self._made()
        except DeferredError as late:
            return late
        except UndefinedValueError as problem:
            return DeferredError(self.id, problem)
        if isinstance(made, ValueWithWarning):
            self._warnings = ((self.id, made.reason),)
            return made.value
        return made

    def _made(self) -> Value | ValueWithWarning:
        raise AssertionError("subclasses define it")

    @property
    def warnings(self) -> Warnings:
        """Its own warnings and those of its sources."""
        return (
            *(warning for each in self.sources for warning in warnings_of(each)),
            *self._warnings,
        )


class DeviceNumber(_FetchOnce):
    """A number, or truth value, that a device computes.

    index           of the number itself among those transferred; None: the host computes it from
                    them
    finish          computes the value from all of them
    always_defined  whether the value is always defined and free of warnings
    """

    def __init__(
        self,
        id: ValueId,
        transfer: ScalarTransfer,
        finish: Finish,
        index: int | None = None,
        sources: tuple[DeferredValue, ...] = (),
        always_defined: bool = False,
    ) -> None:
        super().__init__(id, sources)
        self.transfer = transfer
        self.index = index
        self._finish = finish
        self.always_defined = always_defined and not sources

    @property
    def address(self) -> Array | None:
        """The device memory that kernels read; None if the host computes the value."""
        if self.index is None:
            return None
        return self.transfer.array[self.index : self.index + 1]

    @property
    def is_ready(self) -> bool:
        """Whether fetching would not wait."""
        return bool(self._found) or (self.transfer.is_ready and all(map(is_ready, self.sources)))

    def _made(self) -> Value | ValueWithWarning:
        return self._finish(self.transfer.values())


class HostComputedValue(_FetchOnce):
    """A value that the host computes once its deferred arguments are fetched."""

    always_defined = False

    def __init__(
        self,
        id: ValueId,
        arguments: Sequence[Value],
        compute: Callable[[list[Value]], Value | ValueWithWarning],
    ) -> None:
        super().__init__(id, tuple(_deferred(arguments)))
        self._arguments = arguments
        self._compute = compute

    @property
    def is_ready(self) -> bool:
        """Whether fetching would not wait."""
        return bool(self._found) or all(map(is_ready, self.sources))

    def _made(self) -> Value | ValueWithWarning:
        return self._compute([fetched(each) for each in self._arguments])


@frozen(slots=True, eq=False)
class DeviceImage(Image, DeferredValue):
    """An image on a device; ``array`` is CuPy's.

    event      recorded when the voxels have been written
    is_copied  whether it was copied from another memory, so that kernels must wait for the event
    sources    numbers it was computed from that may be undefined or have warnings
    """

    device: CudaDevice
    event: Any
    is_copied: bool = False
    sources: tuple[DeferredValue, ...] = ()

    def check(self) -> None:
        """Wait for the numbers it depends on. Raises DeferredError if one is undefined."""
        for source in self.sources:
            source.fetch()

    def fetch(self) -> Image:
        """Return the image in host memory; raises DeferredError if a source is undefined."""
        self.check()
        return Image(self.device.download(self.array, self.event), self.grid)

    def fetch_pinned(self) -> Image:
        """Return the image in pinned host memory; raises DeferredError if a source is undefined."""
        self.check()
        return Image(self.device.download(self.array, self.event, pinned=True), self.grid)

    @property
    def is_ready(self) -> bool:
        """Whether fetching would only copy."""
        return self.device.is_done(self.event) and all(map(is_ready, self.sources))

    @property
    def warnings(self) -> Warnings:
        """The warnings of its sources."""
        return tuple(w for each in self.sources for w in warnings_of(each))


def dependencies_of(values: Iterable[Value]) -> tuple[DeferredValue, ...]:
    """Return the deferred values among these that may be undefined or have warnings; each once."""
    found: dict[int, DeferredValue] = {}
    for each in _deferred(values):
        if isinstance(each, DeviceImage):
            found.update((id(source), source) for source in each.sources)
        elif not getattr(each, "always_defined", False):
            found[id(each)] = each
    return tuple(found.values())


def _deferred(values: Iterable[Value]) -> list[DeferredValue]:
    found: list[DeferredValue] = []
    waiting = list(values)
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting.extend(each)
        elif isinstance(each, DeferredValue):
            found.append(each)
    return found


def number_at(index: int, numbers: npt.NDArray[np.float64]) -> float:
    """The number at that index."""
    return float(numbers[index])


def truth_at_first(numbers: npt.NDArray[np.float64]) -> bool:
    """The first number as a truth value."""
    return bool(numbers[0])


def unless_empty(index: int, check: int, mask: str, numbers: npt.NDArray[np.float64]) -> float:
    """The number at an index. Raises UndefinedValueError where the count at ``check`` is 0."""
    if not numbers[check]:
        raise empty_mask(mask)
    return float(numbers[index])


def nothing_unless(
    problem: Callable[[Any], UndefinedValueError | None], numbers: npt.NDArray[np.float64]
) -> float:
    """0. Raises the error that ``problem`` finds in the numbers, if any."""
    error = problem(numbers)
    if error is not None:
        raise error
    return 0.0
