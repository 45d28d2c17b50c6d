"""Plans that are rewritten, fused and queued on a GPU equal the reference."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from tests.backends.cuda.emulated import emulated_gpu, prepare
from tests.conformance.on_backend import execute, prepared_with, same
from tests.conformance.unfused import unfused
from tests.cuda_emulator.module import requires_emulation
from tests.laws.random_plans import random_plan
from voxgpu.backends.cuda.backend import Gpu
from voxgpu.backends.cuda.fused_kernels import kernel_of
from voxgpu.backends.cuda.precompile import TARGET
from voxgpu.backends.reference import ReferenceBackend
from voxgpu.codegen.cuda_renderer import CudaKernel
from voxgpu.ids import ValueId
from voxgpu.optimize.step import FusedStep
from voxgpu.plan.node import Plan, without_dead_nodes

SEEDS = range(300, 360)


def _plan(seed: int) -> tuple[Plan, dict[ValueId, Any]]:
    plan, given = random_plan(seed, 12 + seed % 60, goals=6)
    return without_dead_nodes(plan), given


@pytest.fixture(scope="module", params=[nullcontext, unfused], ids=["fused", "unfused"])
def gpu(request: pytest.FixtureRequest) -> Iterator[Gpu]:
    """A GPU with all kernels of the plans below, compiled at once."""
    requires_emulation()
    with emulated_gpu() as backend, request.param():
        kernels: list[CudaKernel] = []
        for seed in SEEDS:
            plan, given = _plan(seed)
            for task in prepared_with(plan, given, backend).tasks:
                if isinstance(task.step, FusedStep):
                    kernels.append(kernel_of(task.step))
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


def test_unfused_plans_have_a_step_for_each_node() -> None:
    for seed in SEEDS:
        plan, given = _plan(seed)
        with unfused():
            tasks = prepared_with(plan, given, TARGET).tasks
        assert {each.step.outputs for each in tasks} == {
            (id,) for id in plan.nodes if id not in given
        }
