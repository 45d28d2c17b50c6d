"""Programs of any size and depth are lowered to plans, with resolved grids."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

import voxgpu
from voxgpu.compile import Compiled, Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.plan.show import RENDERINGS, stage_graph
from voxgpu.session import execute


def _compiled(text: str) -> Compiled:
    compiled = compile_program(Source("test", text), None, Options())
    assert not compiled.errors, compiled.errors
    return compiled


def _chain(count: int) -> str:
    lines = ["let i0 = one", "let i1 = 2"]
    lines += [f"let i{k} = i{k - 1} .-. i{k - 2}" for k in range(2, count)]
    return "\n".join([*lines, f'print "x" i{count - 1}'])


@pytest.fixture
def beginning(tmp_path: Path) -> str:
    """The start of a program in which ``one`` is a number known only at run time.

    Constants become no nodes, so they would not make a plan deep.
    """
    image = _image(tmp_path / "one.nii.gz", (1, 1, 2))
    return f'load image = "{image}"\nlet one = max(image)\nlet yes = one > 0\n'


DEEP = {
    "chain": _chain(5000),
    "parentheses": f'print "x" {"(" * 200}one{")" * 200}',
    "prefix operators": f'print "x" {"! " * 200}yes',
    "infix operators": f'print "x" {" .+. ".join(["one"] * 5000)}',
    "functions": "let f0(x) = x .*. 1\n"
    + "\n".join(f"let f{k}(x) = f{k - 1}(x) .*. f{k - 1}(x)" for k in range(1, 3000))
    + '\nprint "x" f2999(one)',
}


@pytest.mark.slow
@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_deep_programs_are_lowered(text: str, beginning: str) -> None:
    """VoxLogicA-2 overflows its stack from 500 bindings on, and when exporting from 10 000."""
    compiled = _compiled(beginning + text)
    for stage in ("syntax", "program", "plan"):
        graph = stage_graph(stage, compiled.commands, compiled.program, compiled.plan)
        for name, render in RENDERINGS.items():
            rendered = render(graph)
            assert len(rendered if isinstance(rendered, str) else json.dumps(rendered)) > 10, name
    assert not execute(compiled, None).errors


@pytest.mark.slow
def test_a_hundred_thousand_bindings(beginning: str) -> None:
    compiled = _compiled(beginning + _chain(100_000))
    assert len(compiled.plan.nodes) > 100_000
    assert not execute(compiled, None).errors


def test_calls_of_functions_share_their_work(beginning: str) -> None:
    """A function that calls another twice does not double the work; in VoxLogicA 1 it does."""
    assert 2999 < len(_compiled(beginning + DEEP["functions"]).plan.nodes) < 4000


def _image(path: Path, shape: tuple[int, ...]) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(np.ones(shape, np.int16)), str(path))
    return path


def test_p1_an_image_without_a_grid_takes_that_of_its_partner(tmp_path: Path) -> None:
    first = _image(tmp_path / "first.nii.gz", (3, 4, 5))
    second = _image(tmp_path / "second.nii.gz", (2, 3, 3))
    text = f"""
        load a = "{first}"
        load b = "{second}"
        let everywhere = near(border | tt)
        print "a" volume(everywhere & (a > 0))
        print "b" volume(everywhere & (b > 0))
        print "first" volume(everywhere)
    """
    assert [each.value for each in voxgpu.run(text).prints] == [60, 18, 60]


def test_p12_without_any_image_there_is_no_grid() -> None:
    (error,) = voxgpu.check('print "x" volume(tt)')
    assert error.code == "E110"


def test_p5_overloads_are_chosen_by_type(tmp_path: Path) -> None:
    path = _image(tmp_path / "ones.nii.gz", (3, 4, 5))
    result = voxgpu.run(f'load m = "{path}"\nprint "v" volume(m >. 0)')
    assert result.values["v"] == 60


def test_p6_signs_do_not_belong_to_numbers() -> None:
    assert voxgpu.run('let inc(x)=x+1\nprint "v" inc(2)-1').values["v"] == 2


def test_p8_only_images_are_saved_and_only_under_names_that_say_how(tmp_path: Path) -> None:
    path = _image(tmp_path / "ones.nii.gz", (3, 4, 5))
    text = f'load m = "{path}"\nsave "x.nii.gz" volume(m > 0)\nsave "x.what" m'
    assert [each.code for each in voxgpu.check(text)] == ["E102", "E202"]


def test_p10_scalars_have_one_evaluator() -> None:
    text = 'print "a" true && !false\nprint "b" -(3)\nprint "c" 1 / 0'
    text += '\nlet f(x) = !x\nprint "d" f(true)'
    assert [str(each) for each in voxgpu.run(text).prints] == ["a=true", "b=-3", "c=inf", "d=false"]


def test_p11_strings_reach_nothing_of_the_host() -> None:
    text = 'print "a" "{0.__class__} %s \\\\ $cwd"'
    assert voxgpu.run(text).values["a"] == f"{{0.__class__}} %s \\ {Path.cwd()}"
