"""Plans that are rewritten, fused and queued on a GPU equal the reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.backends.cuda.emulated import emulated_gpu, prepare
from tests.conformance.on_backend import execute, prepared_with, same
from tests.cuda_emulator.module import requires_emulation
from tests.laws.random_plans import random_plan
from voxgpu.backends.cuda import fused_kernels
from voxgpu.backends.cuda.backend import Gpu
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.codegen.cuda_renderer import CudaKernel
from voxgpu.ids import ValueId
from voxgpu.plan.node import Plan, without_dead_nodes

SEEDS = range(300, 360)


class Unfused(Gpu):
    """The GPU backend without fusion: each node of the plan is a step."""

    fuses = False


def _plan(seed: int) -> tuple[Plan, dict[ValueId, Any]]:
    plan, given = random_plan(seed, 12 + seed % 60, goals=6)
    return without_dead_nodes(plan), given


@pytest.fixture(scope="module", params=[Gpu, Unfused])
def gpu(request: pytest.FixtureRequest) -> Iterator[Gpu]:
    """A GPU with all kernels of the plans below, compiled at once."""
    requires_emulation()
    with emulated_gpu() as opened:
        backend: Gpu = request.param(opened.device, opened.workers)
        kernels: list[CudaKernel] = []
        for seed in SEEDS:
            plan, given = _plan(seed)
            planned = prepared_with(plan, given, backend).schedule
            for task in planned.tasks:
                kernels += list(fused_kernels.kernels_of(task.step, planned.plan))
        prepare(backend, kernels)
        assert len(backend.device.modules._pending) < len(kernels), "plans share kernels"
        yield backend


@pytest.mark.parametrize("seed", SEEDS)
def test_a_gpu_is_the_reference(seed: int, gpu: Gpu) -> None:
    plan, given = _plan(seed)
    with np.errstate(all="ignore"):
        expected = execute(plan, given, ReferenceBackend())
        found = execute(plan, given, gpu)
    assert found.keys() == expected.keys()
    for label, value in expected.items():
        assert same(found[label], value), (seed, label, found[label], value)
