"""Deferred values: results that are still being computed on a device.

A device computes asynchronously. The handle of a value exists before the value does; fetching the
value waits for it, and only then may reveal that it is undefined or comes with warnings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

#: Pairs of a node id and a warning to report where the node's value is used.
Warnings = tuple[tuple[str, str], ...]


class DeferredError(Exception):
    """Raised when a fetched value turns out to be undefined.

    id     the node whose value is undefined
    error  the reason
    """

    def __init__(self, id: str, error: Exception) -> None:
        super().__init__(str(error))
        self.id = id
        self.error = error


class DeviceLost(Exception):
    """Raised when a device can no longer be used by this process; what it held is lost.

    An error of a kernel is reported by any later call, so that the step that failed is unknown.
    """


class DeferredValue(ABC):
    """A value on a device, or one that is still to be computed from such values."""

    __slots__ = ()

    @abstractmethod
    def fetch(self) -> Any:
        """Returns the value in host memory, waiting for it. Raises DeferredError if undefined."""

    def check(self) -> None:
        """Waits until the value is known to be defined. Raises DeferredError if it is not."""
        self.fetch()

    def fetch_pinned(self) -> Any:
        """Returns the value in pinned host memory, for fast upload. Raises DeferredError."""
        return self.fetch()

    @property
    @abstractmethod
    def is_ready(self) -> bool:
        """Returns whether ``fetch`` would return without waiting."""

    @property
    @abstractmethod
    def warnings(self) -> Warnings:
        """The warnings of this value and of its inputs, known once it has been fetched."""


def fetched(value: Any) -> Any:
    """Returns a value in host memory, wherever it is. Raises DeferredError if undefined."""
    if isinstance(value, DeferredValue):
        return value.fetch()
    if isinstance(value, tuple) and any(isinstance(each, DeferredValue | tuple) for each in value):
        return tuple(map(fetched, value))
    return value


def is_deferred(value: Any) -> bool:
    """Returns whether a value, or an item of a sequence, is not in host memory."""
    if isinstance(value, tuple):
        return any(map(is_deferred, value))
    return isinstance(value, DeferredValue)


def is_ready(value: Any) -> bool:
    """Returns whether ``fetched`` would return without waiting."""
    if isinstance(value, tuple):
        return all(map(is_ready, value))
    return not isinstance(value, DeferredValue) or value.is_ready


def warnings_of(value: Any) -> Warnings:
    """Returns the warnings of a value, known once it has been fetched."""
    if isinstance(value, tuple):
        return tuple(warning for each in value for warning in warnings_of(each))
    return value.warnings if isinstance(value, DeferredValue) else ()
