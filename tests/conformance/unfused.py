"""Plans with a kernel for each operation: no rewriting, no fusion, no inlining."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from voxgpu.optimize import fuse, inline_stencils, simplify


@contextmanager
def unfused() -> Iterator[None]:
    """Lets the passes make a step of each node."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(simplify, "RULES", ())
        patch.setattr(fuse, "MOST_OPERATIONS", -1)
        patch.setattr(inline_stencils, "MOST_OPERATIONS", 0)
        yield
