"""Workers that do not run the script that starts them.

A process that multiprocessing spawns first imports the script of its parent, for the sake of
functions that are defined there. A worker is sent nothing that a script defines, and a script that
calls a cohort outside ``if __name__ == "__main__":`` would start workers of workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import spawn
from threading import Lock
from typing import Any

#: How processes of workers are named by distributed's nannies.
_WORKERS = "Dask Worker process"

_LOCK = Lock()
_inside = 0
_original = spawn.get_preparation_data


def _without_script(name: str) -> dict[str, Any]:
    data = _original(name)
    if name.startswith(_WORKERS):
        data.pop("init_main_from_name", None)
        data.pop("init_main_from_path", None)
    return data


@contextmanager
def workers_without_script() -> Iterator[None]:
    """Start workers without the script of this process, also those that replace dead ones."""
    global _inside
    with _LOCK:
        _inside += 1
        spawn.get_preparation_data = _without_script
    try:
        yield
    finally:
        with _LOCK:
            _inside -= 1
            if not _inside:
                spawn.get_preparation_data = _original
