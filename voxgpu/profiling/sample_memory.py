"""Samples of the memory that this process takes, while a run is traced."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from voxgpu.spans import count

#: Seconds between samples.
PERIOD = 0.02


@contextmanager
def sampled_memory() -> Iterator[None]:
    """Records the resident memory of this process while the block runs."""
    import psutil

    process, ended = psutil.Process(), threading.Event()

    def sample() -> None:
        while True:
            count("memory, resident bytes", process.memory_info().rss)
            if ended.wait(PERIOD):
                return

    thread = threading.Thread(target=sample, name="samples", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
