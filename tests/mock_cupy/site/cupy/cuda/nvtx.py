"""Ranges for NVIDIA's profilers: a stack of names for each thread, which tests look into."""

from __future__ import annotations

import threading

__all__ = ["RangePop", "RangePush"]

#: What was begun and ended, as (thread, name), or (thread, None) for an end.
LOG: list[tuple[int, str | None]] = []

_open: dict[int, list[str]] = {}


def RangePush(message: str, id_color: int = -1) -> None:  # noqa: N802
    """Begins a range on this thread."""
    if not isinstance(message, str):
        raise TypeError("Expected str")
    _open.setdefault(threading.get_ident(), []).append(message)
    LOG.append((threading.get_ident(), message))


def RangePop() -> None:  # noqa: N802
    """Ends the innermost range of this thread; NVTX ignores an end without a beginning."""
    if not _open.get(threading.get_ident()):
        raise RuntimeError("the mock ends no range that was not begun on its thread")
    _open[threading.get_ident()].pop()
    LOG.append((threading.get_ident(), None))


def open_ranges() -> list[str]:
    """The names of ranges that were begun and not ended."""
    return [name for names in _open.values() for name in names]
