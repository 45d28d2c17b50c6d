"""Notices about caches: each is shown once per process, with the next program that runs."""

from __future__ import annotations

from threading import RLock

from voxgpu.forking import hold_while_forking

_LOCK = RLock()
hold_while_forking(_LOCK)

_ALL: set[str] = set()
_NEW: dict[str, str] = {}


def tell(text: str, help: str = "") -> None:
    """Queue a notice, unless it was queued before; ``help`` says what to do."""
    with _LOCK:
        if text not in _ALL:
            _ALL.add(text)
            _NEW[text] = help


def pending_notices() -> list[tuple[str, str]]:
    """Return the pending notices with their help, and mark them as shown."""
    with _LOCK:
        pending = list(_NEW.items())
        _NEW.clear()
        return pending
