"""References and kernels are called here as the execution of tasks calls them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def without_warnings_about_numbers() -> Iterator[None]:
    """Infinities and NaN are values, see ``voxgpu.execution.task.perform``."""
    with np.errstate(all="ignore"):
        yield
