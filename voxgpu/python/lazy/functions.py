"""The functions of ImgQL as functions of Python, such as ``grow``.

Their types are in ``functions.pyi``, which is generated: ``python -m voxgpu.python.lazy.stubs``.
"""

from __future__ import annotations

from typing import Any

from voxgpu.python.lazy.function_objects import attribute


def __getattr__(name: str) -> Any:
    try:
        return attribute(name)
    except LookupError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
