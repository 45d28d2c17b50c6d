"""A schedule can be sent to another process, which computes the same bits."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections.abc import Iterator
from importlib.resources import as_file, files
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from tests.execution.sent import Results, results_of, results_of_pickled
from voxgpu.backends.cpu.backend import Cpu
from voxgpu.codegen.scalar import constant, content_hash, read
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import ImgqlError, Source
from voxgpu.optimize.passes import prepare
from voxgpu.optimize.schedule import Schedule
from voxgpu.optimize.step import BatchedStep, FusedStep, NodeStep

PROGRAM = """
import "simpleitk"
load v = "v.nii"
let bright = between(10, 40, v) & !(v =. 20)
let grown = grow(smoothen(2.5, bright), (v * 2) > 30)
print "volume" volume(grown)
print "mean" avg(v, bright)
print "each" for t in [1, 2, 3] do volume(v > t)
print "text" format_string("largest {}", max(v))
save "grown.nii" near(near(grown))
save "rim.nii" near(bright) & !bright
save "far.nii" dt(bright) > 2
save "ranks.nii" percentiles(v, v > 2, 0.5) > 0.9
save "border.nii" border | (x > y)
save "median.nii" simpleitk.Median(v, 1)
save "alike.nii" crossCorrelation(2, v, v, bright, min(v), max(v), 10) > 0.6
"""

MINE = '''
from voxgpu.primitives.define import *

@voxelwise()
def tripled(v: Voxel) -> Voxel:
    """Three of it.

    >>> tripled([1, 2, 3])
    [3, 6, 9]
    """
    return v * 3.0

@neighborhood(outside=0.0)
def steps_x(v: Voxel) -> Voxel:
    """The difference of the neighbors in x.

    >>> steps_x([1, 2, 4])
    [2, 3, -2]
    """
    return v[0, 0, 1] - v[0, 0, -1]

@whole_image()
def reversed_z(v: NumberImage) -> NumberImage:
    """The slices in reverse.

    >>> reversed_z([1, 2, 3])
    [1, 2, 3]
    """
    return v[::-1]
'''


@pytest.fixture(scope="module")
def spawned() -> Iterator[Pool]:
    """One process that was spawned: it has nothing of this one."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        yield pool


@pytest.fixture
def folder(tmp_path: Path, spawned: Pool, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that this process goes to after the other one was started."""
    monkeypatch.chdir(tmp_path)
    voxels = (np.arange(360, dtype=np.int16).reshape(6, 6, 10) * 7) % 61
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "v.nii"))
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


def _scheduled(text: str, options: Options | None = None) -> Schedule:
    compiled = compile_program(Source("test", text), None, options or Options())
    assert not compiled.errors, compiled.errors
    return prepare(compiled.plan, Cpu(1))


def _in_other_process(spawned: Pool, planned: Schedule) -> Results:
    found: Results = spawned.apply(results_of_pickled, (pickle.dumps(planned),))
    return found


def test_a_spawned_process_computes_the_same_bits(folder: Path, spawned: Pool) -> None:
    planned = _scheduled(PROGRAM)
    steps = [task.step for task in planned.tasks]
    families = {s.node.primitive.family for s in steps if isinstance(s, NodeStep)}
    assert {"source", "sequence", "internal", "simpleitk"} <= families
    assert any(isinstance(each, BatchedStep) for each in steps)
    fused = [each for each in steps if isinstance(each, FusedStep)]
    assert any(each.reduced_scalars for each in fused) and any(each.output_images for each in fused)
    expected = results_of(planned)
    assert len(expected) == 11
    assert spawned.apply(os.getpid) != os.getpid()
    assert _in_other_process(spawned, planned) == expected


def test_tasks_are_sent_one_by_one_too(folder: Path) -> None:
    for task in _scheduled(PROGRAM).tasks:
        again = pickle.loads(pickle.dumps(task))
        assert again.inputs == task.inputs and again.outputs == task.outputs
        assert again.types == task.types and again.name == task.name
        assert [node.id for _, node in again.nodes] == [node.id for _, node in task.nodes]


def test_primitives_of_a_file_go_along(folder: Path, spawned: Pool) -> None:
    text = 'load v = "v.nii"\nsave "a.nii" tripled(v) > 9\nsave "b.nii" reversed_z(v)\n'
    text += 'save "c.nii" steps_x(v * 2)\nsave "d.nii" steps_x(v)\n'
    options = Options(primitives=(folder / "mine.py",))
    planned = _scheduled(text, options)
    fused = [each.step for each in planned.tasks if isinstance(each.step, FusedStep)]
    assert any(each.kernel.is_neighborhood for each in fused)
    assert _in_other_process(spawned, planned) == results_of(planned)
    (folder / "mine.py").write_text(MINE.replace("v * 3.0", "v * 4.0"))
    again = _scheduled(text, options)
    assert _in_other_process(spawned, again) == results_of(again) != results_of(planned)
    (folder / "mine.py").write_text(MINE.replace("v * 3.0", "v * 5.0"))
    planned = _scheduled(text, options)
    (folder / "mine.py").write_text(MINE.replace("v * 3.0", "v * 6.0"))
    with pytest.raises(ImgqlError, match="the file has changed"):
        _in_other_process(spawned, planned)


def test_a_schedule_is_small(folder: Path) -> None:
    """Fields are sent, not what was derived from them; a grid is sent once."""
    variables = {"CASE": "case", "HI": "0.9", "VI": "0.8", "BINS": "10", "SIM": "0.6"}
    for name in ("flair", "seg"):
        (folder / f"case_{name}.nii.gz").write_bytes(b"")
        image = sitk.ReadImage(str(folder / "v.nii"))
        sitk.WriteImage(image, str(folder / f"case_{name}.nii.gz"))
    with as_file(files("voxgpu.demo").joinpath("tumor.imgql")) as path:
        text = path.read_text()
    planned = _scheduled(text, Options(variables))
    fresh = len(pickle.dumps(planned))
    assert fresh < 40_000
    assert len(pickle.dumps(planned.tasks)) < 15_000
    results_of(planned)
    assert len(pickle.dumps(planned)) == fresh, "running leaves something behind in the schedule"


def test_deep_expressions_are_sent() -> None:
    deep = read(0, "f32")
    for _ in range(3_000):
        deep = deep + deep * constant(0.5)
    again = pickle.loads(pickle.dumps(deep))
    assert content_hash(again) == content_hash(deep)
    assert again.arguments[0] is again.arguments[1].arguments[0], "what is shared stays shared"
