"""Equal kernels of a plan become one object, and numbers stay computed from its reductions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from voxgpu.backends.cpu.backend import Cpu
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.execution.executors.threads import SMALL_VOXELS
from voxgpu.optimize.passes import prepare
from voxgpu.optimize.step import FusedStep
from voxgpu.session import Session

PROGRAM = """load v = "{path}"
let f(x) = near(!x)
let g(n) = near(v > n) & (v < 100)
print "chain" volume(f(f(f(f(v > 50)))))
print "averages" avg(v, near(g(10))) + avg(v, near(g(20))) + avg(v, near(near(g(v .*. 0))))
print "zeros" [volume(near(v + 0 > 3) & (1 / v > 0)), volume(near(v + 0 > 4) & (1 / v > -0))]
"""


@pytest.fixture
def text(tmp_path: Path) -> str:
    voxels = np.random.default_rng(3).integers(0, 120, (6, 7, 8)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii"))
    return PROGRAM.format(path=tmp_path / "v.nii").replace("g(v .*. 0)", "g(30)")


def test_equal_kernels_are_one_and_results_stay(text: str) -> None:
    compiled = compile_program(Source("test", text), None, Options())
    assert not compiled.errors, compiled.errors[0]
    backend = Cpu(2)
    planned = prepare(compiled.plan, backend)
    kernels = [task.step.kernel for task in planned.tasks if isinstance(task.step, FusedStep)]
    assert len({id(each) for each in kernels}) < len(kernels)
    for task in planned.tasks:
        if isinstance(task.step, FusedStep):
            assert task.step.grid.voxels <= SMALL_VOXELS
    computed = Session(None, backend=backend).execute(compiled)
    expected = Session(None).execute(compiled)
    backend.close()
    assert not computed.errors and len(expected.prints) == 3
    assert [each.value for each in computed.prints] == [each.value for each in expected.prints]
