"""Plans rewritten and fused for the device equal the reference, also for large images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.backends.cuda.programs import EVERYTHING, assert_same, run, write_image
from tests.conformance.on_backend import execute, same
from tests.hardware.conftest import Hardware
from tests.laws.random_plans import random_plan
from voxgpu.backends.base import Backend
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.plan.node import without_dead_nodes

pytestmark = pytest.mark.gpu


def _agree(seed: int, size: int, backend: Backend) -> None:
    plan, given = random_plan(seed, size, goals=6)
    with np.errstate(all="ignore"):
        expected = execute(without_dead_nodes(plan), given, ReferenceBackend())
    found = execute(without_dead_nodes(plan), given, backend)
    assert found.keys() == expected.keys()
    for label, value in expected.items():
        assert same(found[label], value), (seed, label, found[label], value)


@pytest.mark.parametrize("seed", range(200, 320))
def test_plans_mean_what_the_reference_says(seed: int, backend: Backend) -> None:
    _agree(seed, 12 + seed % 120, backend)


@pytest.mark.parametrize("seed", range(1000, 1100))
def test_large_plans_too(seed: int, backend: Backend) -> None:
    _agree(seed, 60 + seed % 90, backend)


@pytest.mark.usefixtures("desk")
def test_a_large_image(hardware: Hardware) -> None:
    """Many blocks of threads at once, unlike in the emulation; compared with the CPU backend."""
    write_image(Path("v.nii"), hardware.shape)
    expected = run(EVERYTHING, "cpu")
    for _ in range(3):
        assert_same(run(EVERYTHING, "cuda:0"), expected)
