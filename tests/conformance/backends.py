"""The backends that tests compare with the reference, by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.backends.cuda.emulated import emulated_gpu
from tests.cuda_emulator.module import requires_emulation
from voxgpu.backends.base import Backend
from voxgpu.backends.cpu.backend import Cpu

_THREADS = {"one thread": 1, "three threads": 3}

#: The names accepted by ``backend_named``.
NAMES = (*_THREADS, "emulated GPU")


@contextmanager
def backend_named(name: str) -> Iterator[Backend]:
    """A backend, closed afterwards; skips the test if it is not available."""
    if name == "emulated GPU":
        requires_emulation()
        with emulated_gpu() as gpu:
            yield gpu
        return
    cpu = Cpu(_THREADS[name])
    yield cpu
    cpu.close()
