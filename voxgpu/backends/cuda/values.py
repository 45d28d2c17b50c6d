"""Results on a device that may not be computed yet: images and numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from voxgpu.backends.cuda.device import CudaDevice
from voxgpu.backends.cuda.launch import Array
from voxgpu.deferred import DeferredError, DeferredValue, Warnings, fetched, is_ready, warnings_of
from voxgpu.ids import ValueId
from voxgpu.image import Image
from voxgpu.primitives.primitive import (
    UndefinedValueError,
    Value,
    ValueWithWarning,
    empty_mask,
)

#: From what was computed on the device to the value. Raises UndefinedValueError where there is
#: none.
Finish = Callable[[npt.NDArray[np.float64]], Value | ValueWithWarning]


class ScalarTransfer:
    """Numbers that one launch leaves on a device, fetched together when the first is needed.

    array  float64 of one axis
    event  after which they are there
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
        return self._values is not None or bool(self.event.done)

    def values(self) -> npt.NDArray[np.float64]:
        """All of them; waits."""
        with self._lock:
            if self._values is None:
                self._values = self.device.download(self.array, self.event)
        return self._values


class _FetchOnce(DeferredValue):
    """A value that is found out once, with what comes of that: a doubt, or that there is none."""

    def __init__(self, id: ValueId, sources: tuple[DeferredValue, ...]) -> None:
        self.id = id
        self.sources = sources
        self._turn = Lock()
        self._found: list[Value | DeferredError] = []
        self._doubts: Warnings = ()

    def fetch(self) -> Value:
        """The value. Raises Late where this, or what it depends on, has none."""
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
            self._doubts = ((self.id, made.reason),)
            return made.value
        return made

    def _made(self) -> Value | ValueWithWarning:
        raise AssertionError("what it is made of is said by those that inherit")

    @property
    def warnings(self) -> Warnings:
        """Its own and those of what it was made of."""
        return (*(doubt for each in self.sources for doubt in warnings_of(each)), *self._doubts)


class DeviceNumber(_FetchOnce):
    """A number, or truth value, that a device computes.

    place   which of the gathered ones is the number itself, as kernels read it; None: the value is
            made of them only here
    finish  what makes the value of all of them
    """

    def __init__(
        self,
        id: ValueId,
        gathered: ScalarTransfer,
        finish: Finish,
        place: int | None = None,
        sources: tuple[DeferredValue, ...] = (),
        is_certain: bool = False,
    ) -> None:
        super().__init__(id, sources)
        self.gathered = gathered
        self.index = place
        self._finish = finish
        #: Whether there always is a value, beyond doubt.
        self.is_certain = is_certain and not sources

    @property
    def address(self) -> Array | None:
        """Where kernels read it; None where it is on no device."""
        if self.index is None:
            return None
        return self.gathered.array[self.index : self.index + 1]

    @property
    def is_ready(self) -> bool:
        """Whether nobody would have to wait."""
        return bool(self._found) or (self.gathered.is_ready and all(map(is_ready, self.sources)))

    def _made(self) -> Value | ValueWithWarning:
        return self._finish(self.gathered.values())


class HostComputedValue(_FetchOnce):
    """A value that is made here, of others that are still on their way."""

    is_certain = False

    def __init__(
        self,
        id: ValueId,
        arguments: Sequence[Value],
        compute: Callable[[list[Value]], Value | ValueWithWarning],
    ) -> None:
        super().__init__(id, tuple(_elsewhere(arguments)))
        self._arguments = arguments
        self._compute = compute

    @property
    def is_ready(self) -> bool:
        """Whether nobody would have to wait."""
        return bool(self._found) or all(map(is_ready, self.sources))

    def _made(self) -> Value | ValueWithWarning:
        return self._compute([fetched(each) for each in self._arguments])


@dataclass(frozen=True, slots=True, eq=False)
class DeviceImage(Image, DeferredValue):
    """An image on a device; ``array`` is CuPy's.

    event      after which its voxels are there
    is_copied  whether it comes from elsewhere, so that who computes with it must wait for the event
    sources    numbers it was made of that may turn out not to exist, or to be doubted
    """

    device: CudaDevice
    event: Any
    is_copied: bool = False
    sources: tuple[DeferredValue, ...] = ()

    def fetch(self) -> Image:
        """The image in this machine's memory. Raises Late where it depends on what has no value."""
        for source in self.sources:
            source.fetch()
        return Image(self.device.download(self.array, self.event), self.grid)

    def fetch_pinned(self) -> Image:
        """The image in pinned memory, from which it is copied back at once. Raises Late."""
        for source in self.sources:
            source.fetch()
        return Image(self.device.download(self.array, self.event, pinned=True), self.grid)

    @property
    def is_ready(self) -> bool:
        """Whether only copying would take time."""
        return bool(self.event.done) and all(map(is_ready, self.sources))

    @property
    def warnings(self) -> Warnings:
        """Those of the numbers it was made of."""
        return tuple(doubt for each in self.sources for doubt in warnings_of(each))


def dependencies_of(values: Iterable[Value]) -> tuple[DeferredValue, ...]:
    """What of these may yet turn out not to exist, or to be doubted; each once."""
    found: dict[int, DeferredValue] = {}
    for each in _elsewhere(values):
        if isinstance(each, DeviceImage):
            found.update((id(source), source) for source in each.sources)
        elif not getattr(each, "is_certain", False):
            found[id(each)] = each
    return tuple(found.values())


def _elsewhere(values: Iterable[Value]) -> list[DeferredValue]:
    found: list[DeferredValue] = []
    waiting = list(values)
    while waiting:
        each = waiting.pop()
        if isinstance(each, tuple):
            waiting.extend(each)
        elif isinstance(each, DeferredValue):
            found.append(each)
    return found


def number_at(place: int, found: npt.NDArray[np.float64]) -> float:
    """The number at that index."""
    return float(found[place])


def truth_at_first(found: npt.NDArray[np.float64]) -> bool:
    """The first number as a truth value."""
    return bool(found[0])


def unless_empty(place: int, check: int, mask: str, found: npt.NDArray[np.float64]) -> float:
    """The number at an index. Raises UndefinedValueError where the count at ``check`` is 0."""
    if not found[check]:
        raise empty_mask(mask)
    return float(found[place])


def nothing_unless(
    problem: Callable[[Any], UndefinedValueError | None], found: npt.NDArray[np.float64]
) -> float:
    """0. Raises the error that ``problem`` finds in the numbers, if any."""
    error = problem(found)
    if error is not None:
        raise error
    return 0.0
