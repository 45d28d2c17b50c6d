"""CuPy's errors for CUDA's error codes, with their numbers and texts."""

from __future__ import annotations

from typing import ClassVar

INVALID_VALUE = 1
OUT_OF_MEMORY = 2
NO_DEVICE = 100
INVALID_DEVICE = 101
INVALID_IMAGE = 200
INVALID_HANDLE = 400
NOT_FOUND = 500
FILE_NOT_FOUND = 301
NOT_READY = 600
ILLEGAL_ADDRESS = 700
PEER_ALREADY_ENABLED = 704
PEER_UNSUPPORTED = 217

_RUNTIME = {
    INVALID_VALUE: "cudaErrorInvalidValue: invalid argument",
    OUT_OF_MEMORY: "cudaErrorMemoryAllocation: out of memory",
    NO_DEVICE: "cudaErrorNoDevice: no CUDA-capable device is detected",
    INVALID_DEVICE: "cudaErrorInvalidDevice: invalid device ordinal",
    PEER_UNSUPPORTED: "cudaErrorPeerAccessUnsupported: "
    "peer access is not supported between these two devices",
    INVALID_HANDLE: "cudaErrorInvalidResourceHandle: invalid resource handle",
    NOT_READY: "cudaErrorNotReady: device not ready",
    ILLEGAL_ADDRESS: "cudaErrorIllegalAddress: an illegal memory access was encountered",
    PEER_ALREADY_ENABLED: "cudaErrorPeerAccessAlreadyEnabled: peer access is already enabled",
}

_DRIVER = {
    INVALID_VALUE: "CUDA_ERROR_INVALID_VALUE: invalid argument",
    INVALID_IMAGE: "CUDA_ERROR_INVALID_IMAGE: device kernel image is invalid",
    FILE_NOT_FOUND: "CUDA_ERROR_FILE_NOT_FOUND: file not found",
    INVALID_HANDLE: "CUDA_ERROR_INVALID_HANDLE: invalid resource handle",
    NOT_FOUND: "CUDA_ERROR_NOT_FOUND: named symbol not found",
    ILLEGAL_ADDRESS: "CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered",
}


class _CudaError(RuntimeError):
    """An error with a number."""

    _texts: ClassVar[dict[int, str]]

    def __init__(self, status: int) -> None:
        super().__init__(self._texts[status])
        self.status = status

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return type(self), (self.status,)


class CUDARuntimeError(_CudaError):
    """An error of a runtime call."""

    _texts = _RUNTIME


class CUDADriverError(_CudaError):
    """An error of loading or launching kernels."""

    _texts = _DRIVER


def explained(error: _CudaError, detail: str) -> Exception:
    """The error with details that CUDA would not give."""
    error.args = (f"{error} ({detail})",)
    return error


class OutOfMemoryError(MemoryError):
    """A pool could not allocate memory.

    size   bytes requested
    total  bytes that the pool had then
    limit  of the pool; 0: none
    """

    def __init__(self, size: int, total: int, limit: int = 0) -> None:
        self._values = (size, total, limit)
        got = f"Out of memory allocating {size:,} bytes (allocated so far: {total:,} bytes"
        super().__init__(f"{got}, limit set to: {limit:,} bytes)." if limit else f"{got}).")

    def __reduce__(self) -> tuple[type, tuple[int, int, int]]:
        return type(self), self._values
