"""What is a value that is not in this machine's memory yet, and how does it come here?

A device computes behind the program that queues work for it. A value of a device is known before it
is there; who needs it here waits for it, and may find out only then that there is none, or that it
is to be doubted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

#: Nodes and what to warn of where their values are used.
Doubts = tuple[tuple[str, str], ...]


class Late(Exception):
    """A value turned out not to exist when it was brought here.

    id     the node that has none
    error  why
    """

    def __init__(self, id: str, error: Exception) -> None:
        super().__init__(str(error))
        self.id = id
        self.error = error


class Elsewhere(ABC):
    """A value on a device, or one that is still to be made of such values."""

    __slots__ = ()

    @abstractmethod
    def here(self) -> Any:
        """The value in this machine's memory; waits for it. Raises Late where there is none."""

    def aside(self) -> Any:
        """The same, in memory from which it gets back as fast as can be. Raises Late."""
        return self.here()

    @property
    @abstractmethod
    def is_ready(self) -> bool:
        """Whether nobody would have to wait."""

    @property
    @abstractmethod
    def doubts(self) -> Doubts:
        """What is to be doubted of it and of what it was made of; known once it was here."""


def here(value: Any) -> Any:
    """A value in this machine's memory, wherever it is; raises Late where there is none."""
    if isinstance(value, Elsewhere):
        return value.here()
    if isinstance(value, tuple) and any(isinstance(each, Elsewhere | tuple) for each in value):
        return tuple(map(here, value))
    return value


def is_ready(value: Any) -> bool:
    """Whether ``here`` would not wait."""
    if isinstance(value, tuple):
        return all(map(is_ready, value))
    return not isinstance(value, Elsewhere) or value.is_ready


def doubts_of(value: Any) -> Doubts:
    """What turned out to be doubted of a value when it was brought here."""
    if isinstance(value, tuple):
        return tuple(doubt for each in value for doubt in doubts_of(each))
    return value.doubts if isinstance(value, Elsewhere) else ()
