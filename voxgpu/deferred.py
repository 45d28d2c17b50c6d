"""What is a value that is not in this machine's memory yet, and how does it come here?

A device computes behind the program that queues work for it. A value of a device is known before it
is there; who needs it here waits for it, and may find out only then that there is none, or that it
is to be doubted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

#: Nodes and what to warn of where their values are used.
Warnings = tuple[tuple[str, str], ...]


class DeferredError(Exception):
    """A value turned out not to exist when it was brought here.

    id     the node that has none
    error  why
    """

    def __init__(self, id: str, error: Exception) -> None:
        super().__init__(str(error))
        self.id = id
        self.error = error


class DeferredValue(ABC):
    """A value on a device, or one that is still to be made of such values."""

    __slots__ = ()

    @abstractmethod
    def fetch(self) -> Any:
        """The value in this machine's memory; waits for it. Raises Late where there is none."""

    def fetch_pinned(self) -> Any:
        """The same, in memory from which it gets back as fast as can be. Raises Late."""
        return self.fetch()

    @property
    @abstractmethod
    def is_ready(self) -> bool:
        """Whether nobody would have to wait."""

    @property
    @abstractmethod
    def warnings(self) -> Warnings:
        """What is to be doubted of it and of what it was made of; known once it was here."""


def fetched(value: Any) -> Any:
    """A value in this machine's memory, wherever it is; raises Late where there is none."""
    if isinstance(value, DeferredValue):
        return value.fetch()
    if isinstance(value, tuple) and any(isinstance(each, DeferredValue | tuple) for each in value):
        return tuple(map(fetched, value))
    return value


def is_ready(value: Any) -> bool:
    """Whether ``fetch`` would not wait."""
    if isinstance(value, tuple):
        return all(map(is_ready, value))
    return not isinstance(value, DeferredValue) or value.is_ready


def warnings_of(value: Any) -> Warnings:
    """What turned out to be doubted of a value when it was brought here."""
    if isinstance(value, tuple):
        return tuple(doubt for each in value for doubt in warnings_of(each))
    return value.warnings if isinstance(value, DeferredValue) else ()
