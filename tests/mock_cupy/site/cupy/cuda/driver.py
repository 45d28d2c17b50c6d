"""The error of kernels that cannot be loaded or launched."""

from __future__ import annotations

from cupy._errors import CUDADriverError

__all__ = ["CUDADriverError", "get_build_version"]


def get_build_version() -> int:
    return 12090
