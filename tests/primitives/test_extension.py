"""Primitives of the user behave like built-in ones, and their mistakes are located."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import voxgpu
from voxgpu.primitives.catalogue import standard_primitives
from voxgpu.primitives.extension import BrokenExtension, clash, from_file

HEAD = "from voxgpu.primitives.define import *\nfrom voxgpu.primitives.define import scalar\n"
TWICE = '''
@scalar()
def twice(x: NumberValue) -> NumberValue:
    """Two of it.

    >>> twice(2)
    4
    """
    return 2 * x
'''


def _file(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(HEAD + text)
    return path


def test_a_file_adds_what_it_defines(tmp_path: Path) -> None:
    path = _file(tmp_path, TWICE)
    result = voxgpu.run('print "t" for i in [1, 2] do twice(i)\n', primitives=[path])
    assert result.values == {"t": (2.0, 4.0)}
    assert [each.code for each in voxgpu.check('print "t" twice(1)\n')] == ["E101"]


def test_a_name_may_be_given_more_types(tmp_path: Path) -> None:
    text = TWICE.replace("@scalar()", '@scalar("volume")')
    path = _file(tmp_path, text)
    assert voxgpu.run('print "v" volume(3)\n', primitives=[path]).values == {"v": 6.0}


def test_a_name_that_simpleitk_has_too_is_told(tmp_path: Path) -> None:
    path = _file(tmp_path, TWICE.replace("@scalar()", '@scalar("GetPixelIDValueAsString")'))
    program = 'import "simpleitk"\nprint "v" GetPixelIDValueAsString(3)\n'
    result = voxgpu.run(program, primitives=[path])
    assert result.values == {"v": 6.0}
    (told,) = result.warnings
    assert told.code == "W102"
    assert "simpleitk.GetPixelIDValueAsString" in told.message
    program = program.replace(" GetPixel", " simpleitk.GetPixel")
    assert voxgpu.run(program, primitives=[path]).values == {"v": "16-bit unsigned integer"}


def test_operators_and_capitals_can_be_named(tmp_path: Path) -> None:
    text = TWICE.replace("@scalar()", '@scalar("D", "#")')
    path = _file(tmp_path, text)
    program = 'print "a" D 3\nprint "b" # 4\n'
    assert voxgpu.run(program, primitives=[path]).values == {"a": 6.0, "b": 8.0}


@pytest.mark.parametrize(
    "kind", ["StaticNumber", "StaticNumbers", "NumberValues", "TextValue", "ColorImage"]
)
@pytest.mark.parametrize("decorator", ["voxelwise()", "neighborhood(outside=0.0)", "reduction()"])
def test_an_expression_takes_only_what_kernels_are_given(
    kind: str, decorator: str, tmp_path: Path
) -> None:
    """A static number in a body used to reach the optimizer, which failed with a traceback."""
    text = f'''
@{decorator}
def clipped(low: {kind}, v: Voxel) -> Voxel:
    """At least low.

    >>> clipped(1, [0])
    [1]
    """
    return where(v < low, low, v)
'''
    (problem,) = voxgpu.check('print "n" 1\n', primitives=[_file(tmp_path, text)])
    assert problem.code == "E111"
    assert "`low` of a body must be Number, Truth, Voxel, Bool or Place" in problem.message


def test_another_text_is_another_meaning(tmp_path: Path) -> None:
    (first,) = from_file(_file(tmp_path, TWICE))
    (again,) = from_file(_file(tmp_path, TWICE))
    assert first.meaning == again.meaning
    (other,) = from_file(_file(tmp_path, TWICE.replace("2 * x", "x + x + 0")))
    assert first.meaning != other.meaning


def test_expressions_are_their_own_meaning(tmp_path: Path) -> None:
    text = '''
@voxelwise()
def triple(v: Voxel) -> Voxel:
    """Three of it.

    >>> triple([1])
    [3]
    """
    return v * 3.0
'''
    (first,) = from_file(_file(tmp_path, text))
    (moved,) = from_file(_file(tmp_path, "\n\n# A remark.\n" + text.replace("triple", "threefold")))
    assert first.meaning == moved.meaning


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("def broken(:\n", 3, "invalid syntax"),
        ("\n1 / 0\n", 4, "ZeroDivisionError"),
        ("import no_such_module\n", 3, "no_such_module"),
        (TWICE.replace("x: NumberValue", "x"), 4, "`x` of primitive `twice` has no type"),
        (TWICE.replace(">>> twice(2)", ""), 4, "needs a docstring with an example"),
        ("x = 1\n", 1, "defines no primitive"),
    ],
)
def test_mistakes_have_a_place(tmp_path: Path, text: str, line: int, reason: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(BrokenExtension) as raised:
        from_file(path)
    diagnostic = raised.value.diagnostic
    assert diagnostic.code == "E111"
    assert reason in diagnostic.message
    assert diagnostic.span is not None
    assert diagnostic.span.source.name == str(path)
    assert diagnostic.span.source.line_and_column(diagnostic.span.start)[0] == line
    (told,) = voxgpu.check('print "one" 1\n', primitives=[path])
    assert told.code == "E111"


def test_what_is_there_cannot_be_taken(tmp_path: Path) -> None:
    text = TWICE.replace("def twice", "def floor")
    added = from_file(_file(tmp_path, text))
    problem = clash(standard_primitives(), added)
    assert problem is not None
    assert "floor(x: number) -> number" in problem.message
    (told,) = voxgpu.check('print "one" 1\n', primitives=[_file(tmp_path, text)])
    assert told.code == "E111"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (told,) = voxgpu.check('print "one" 1\n', primitives=[tmp_path / "none.py"])
    assert told.code == "E111"
    assert "none.py" in told.message


REDUCTIONS = '''
from voxgpu.codegen.scalar import count, double, root_of, total, where

@reduction()
def rms(v: Voxel) -> Number:
    """Root of the sum of squares.

    >>> rms([3, 4])
    5
    """
    return root_of(total(v * v))

@reduction()
def share(v: Voxel, n: Number) -> Number:
    """Sum over n.

    >>> share([3, 4], 2)
    3.5
    """
    return total(v) / double(n)

@reduction()
def most(b: Bool) -> Number:
    """How many are true, or false if these are more.

    >>> most([true, false, false])
    2
    """
    some, none = count(b), count(~b)
    return where(some > none, some, none)
'''


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_a_number_may_be_any_expression_over_reductions(tmp_path: Path, device: str) -> None:
    path = _file(tmp_path, REDUCTIONS)
    image = voxgpu.Image.from_array(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    text = (
        'load v = "v"\nprint "rms" rms(v)\nprint "share" share(v, 2)\nprint "more" rms(v + 1)\n'
        'print "most" most(v > 3)\n'
    )
    result = voxgpu.run(text, images={"v": image}, primitives=[path], device=device)
    expected = {"rms": 5.0, "share": 3.5, "more": np.sqrt(43.0), "most": 3.0}
    assert result.values == expected


def test_a_reduction_to_a_truth_value_is_refused(tmp_path: Path) -> None:
    text = REDUCTIONS.replace("-> Number", "-> Truth").replace(
        "root_of(total(v * v))", "count(v > 0.0) > 0.0"
    )
    with pytest.raises(BrokenExtension, match="`rms` must return a number made of total"):
        from_file(_file(tmp_path, text))
