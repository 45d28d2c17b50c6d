"""What is to be said of caches: each thing once in a process, to whoever runs a program next."""

from __future__ import annotations

from threading import RLock

from voxgpu.forking import hold_while_forking

_LOCK = RLock()
hold_while_forking(_LOCK)

_ALL: set[str] = set()
_NEW: dict[str, str] = {}


def tell(text: str, help: str = "") -> None:
    """Remembers what is to be said, if it was not said before; ``help`` says what to do."""
    with _LOCK:
        if text not in _ALL:
            _ALL.add(text)
            _NEW[text] = help


def untold() -> list[tuple[str, str]]:
    """What was not said yet, with its help; it counts as said from now on."""
    with _LOCK:
        found = list(_NEW.items())
        _NEW.clear()
        return found
