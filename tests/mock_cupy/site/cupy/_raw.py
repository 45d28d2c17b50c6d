"""Raw kernels as CuPy's users see them: a text or file, and a function created on demand."""

from __future__ import annotations

from typing import Any

from cupy import _limits
from cupy._errors import INVALID_VALUE, CUDADriverError, explained
from cupy.cuda.function import Function, Module


class RawModule:
    """Kernels of a text of CUDA C++, or of a file with a mock cubin."""

    def __init__(
        self,
        code: str | None = None,
        *,
        path: str | None = None,
        options: tuple[str, ...] = (),
        backend: str = "nvrtc",
    ) -> None:
        if (code is None) == (path is None):
            raise TypeError("Exactly one of `code` and `path` keyword arguments must be given.")
        self.code = code
        self.file_path = path
        self.options = options
        self.backend = backend

    @property
    def module(self) -> Module:
        """All its kernels, loaded. Raises CUDADriverError if they cannot be."""
        module = Module()
        if self.file_path is not None:
            module.load_file(self.file_path)
        elif self.code is not None:
            module._load_source(self.code)
        return module

    def get_function(self, name: str) -> RawKernel:
        """A kernel. Raises CUDADriverError if there is none of that name."""
        return RawKernel._of(self, name)


class RawKernel:
    """A kernel, compiled alone or taken from a module."""

    name: str
    kernel: Function

    def __init__(
        self, code: str, name: str, options: tuple[str, ...] = (), backend: str = "nvrtc"
    ) -> None:
        self._take(RawModule(code, options=options, backend=backend), name)

    @classmethod
    def _of(cls, module: RawModule, name: str) -> RawKernel:
        made = cls.__new__(cls)
        made._take(module, name)
        return made

    def _take(self, module: RawModule, name: str) -> None:
        self.name = name
        self.kernel = module.module.get_function(name)

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], args: Any, **kwargs: Any
    ) -> None:
        """Queues the kernel; ``shared_mem`` and ``stream`` as for a function of a module."""
        self.kernel(grid, block, args, **kwargs)

    @property
    def max_dynamic_shared_size_bytes(self) -> int:
        """Dynamic shared memory that a launch may request."""
        return self.kernel.most_shared

    @max_dynamic_shared_size_bytes.setter
    def max_dynamic_shared_size_bytes(self, bytes: int) -> None:
        if not 0 <= bytes <= _limits.SHARED_OF_BLOCK_AT_MOST:
            raise explained(CUDADriverError(INVALID_VALUE), f"{bytes} bytes of shared memory")
        self.kernel.most_shared = bytes

    @property
    def max_threads_per_block(self) -> int:
        return _limits.MOST_THREADS_OF_BLOCK
