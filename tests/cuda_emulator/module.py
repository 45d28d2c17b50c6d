"""Emulation of CUDA C++ without a GPU: compiled for the host, with a fiber for each CUDA thread.

It implements the part of ``cupy.RawModule`` that we use; arrays are NumPy's.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.cuda_emulator.arguments import Parameters
from tests.cuda_emulator.compiling import (
    CompilationError,
    EmulationUnavailable,
    library,
    unavailable,
)
from tests.cuda_emulator.translation import kernels_of, translated

__all__ = [
    "CompilationError",
    "EmulationError",
    "EmulationUnavailable",
    "Module",
    "requires_emulation",
    "unavailable",
]

Kernel = Callable[..., None]

#: Bytes of shared memory of a block, static and dynamic, unless a kernel opts in to more.
SHARED_OF_BLOCK = 48 << 10


def requires_emulation() -> None:
    """Skips the running test, or the imported module, if kernels cannot be run."""
    if unavailable():
        pytest.skip(unavailable(), allow_module_level=True)


class EmulationError(RuntimeError):
    """A launch did something that a device rejects or leaves undefined; gives the kernel's line."""


class Module:
    """The kernels of a text.

    sanitize  checks to enable: ``address,undefined`` or ``thread``; only in a process that has been
              started for it, see ``sanitizers.py``
    counting  whether reads and writes can be counted, see ``counting.py``
    kernels   the names of all kernels
    """

    def __init__(self, text: str, sanitize: str = "", counting: bool = False) -> None:
        self.kernels = kernels_of(text)
        if sanitize:
            _check_started_for(sanitize)
        self.library = _Library.at(library(translated(text), sanitize, counting))
        self._request = _Request(resident_blocks=1)
        self._functions: dict[str, Kernel] = {}

    def configure(
        self, seed: int = 0, yield_per_mille: int = 0, resident: int = 1, last_blocks: int = 0
    ) -> None:
        """Sets the order in which threads run.

        seed             of an order; 0: block after block, thread after thread
        yield_per_mille  probability of yielding at a relaxed access or atomic operation
        resident         number of blocks that run at once
        last_blocks      only so many blocks of each launch run, the last ones, in their order: the
                         end of images too large to be computed as a whole; 0: all
        """
        if seed and last_blocks:
            raise ValueError("the last blocks run in their order: without a seed")
        self._request = _Request(
            seed=seed,
            yield_per_mille=yield_per_mille,
            resident_blocks=max(1, resident),
            last_blocks=last_blocks,
        )

    def get_function(self, name: str) -> Kernel:
        """The kernel of this name; it returns when all its threads have ended."""
        if name not in self._functions:
            if name not in self.kernels:
                raise KeyError(f"no kernel {name} among {', '.join(self.kernels)}")
            self._functions[name] = self._function(name)
        return self._functions[name]

    def only_read(self, name: str) -> tuple[bool, ...]:
        """For each parameter of a kernel, whether it is a pointer that is only read through."""
        return self.library.kernel(name)[1].only_read

    def _function(self, name: str) -> Kernel:
        run, parameters = self.library.kernel(name)

        def launch(
            grid: Sequence[int],
            block: Sequence[int],
            args: Sequence[Any],
            shared_mem: int = 0,
            most_shared: int = SHARED_OF_BLOCK,
        ) -> None:
            request = _Request.from_buffer_copy(self._request)
            request.grid[:] = _three(grid)
            request.block[:] = _three(block)
            request.dynamic_bytes = shared_mem
            request.most_shared = most_shared
            words = parameters.packed(args)
            with self.library.lock:
                error = run(words, request)
                self.library.bound_stacks()
                if error:
                    raise EmulationError(f"{name}: {error.decode()}")

        return launch


class _Request(ctypes.Structure):
    """As in ``emulation.h``."""

    _fields_ = (
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("dynamic_bytes", ctypes.c_uint64),
        ("seed", ctypes.c_uint64),
        ("yield_per_mille", ctypes.c_uint32),
        ("resident_blocks", ctypes.c_uint32),
        ("most_shared", ctypes.c_uint64),
        ("last_blocks", ctypes.c_uint64),
    )


class _Library:
    """A loaded library. Modules of the same text share it, and therefore its lock."""

    #: Fiber stacks that libraries may keep between launches. Each has two memory mappings, of
    #: which Linux gives a process 65 530.
    MOST_STACKS: ClassVar[int] = 1 << 13

    _loaded: ClassVar[dict[Path, _Library]] = {}
    _loading = threading.Lock()
    #: Libraries that keep stacks, with their numbers.
    _stacks: ClassVar[dict[_Library, int]] = {}

    def __init__(self, path: Path) -> None:
        self.functions = ctypes.CDLL(str(path))
        #: One launch at a time: the running CUDA thread is stored in variables of the library.
        self.lock = threading.Lock()

    @classmethod
    def at(cls, path: Path) -> _Library:
        with cls._loading:
            if path not in cls._loaded:
                cls._loaded[path] = cls(path)
            return cls._loaded[path]

    def bound_stacks(self) -> None:
        """After a launch, under the lock: least recently used libraries release excess stacks."""
        with self._loading:
            self._stacks.pop(self, None)
            self._stacks[self] = self.functions.emulation_stacks()
            for other in list(self._stacks)[:-1]:
                if sum(self._stacks.values()) <= self.MOST_STACKS:
                    return
                if other.lock.acquire(blocking=False):
                    other.functions.emulation_give_back_stacks()
                    del self._stacks[other]
                    other.lock.release()

    def kernel(self, name: str) -> tuple[Any, Parameters]:
        """The function that runs a kernel, and its parameters."""
        run = getattr(self.functions, f"emulation_launch_{name}")
        run.restype = ctypes.c_char_p
        run.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Request)]
        described = ctypes.create_string_buffer(4096)
        getattr(self.functions, f"emulation_parameters_{name}")(described)
        return run, Parameters(name, described.value.decode())


def _three(sizes: Sequence[int]) -> tuple[int, ...]:
    """Sizes along x, y and z; missing ones are 1. None may exceed the representable range."""
    whole = (*map(int, sizes), 1, 1, 1)[:3]
    if not all(0 <= size < 1 << 32 for size in whole):
        raise EmulationError(f"a launch of {tuple(sizes)}")
    return whole


def _check_started_for(sanitize: str) -> None:
    """A sanitizer that is loaded into a running process ends it."""
    process = ctypes.CDLL(None)
    for name, symbol in (("address", "__asan_init"), ("thread", "__tsan_init")):
        if name in sanitize.split(",") and not hasattr(process, symbol):
            raise EmulationUnavailable(
                f"this process has not been started for {name}: sanitizers.py"
            )
