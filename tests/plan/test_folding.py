"""Constants are folded during lowering, with the same values as at run time."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

import pytest

import voxgpu
from voxgpu.compile import Options, compile_program
from voxgpu.diagnostics import Source
from voxgpu.ids import meaning_of
from voxgpu.plan.apply_primitive import PrimitiveApplier
from voxgpu.plan.graph import Graph
from voxgpu.plan.node import Plan
from voxgpu.primitives.source import CONSTANT


def _plan(text: str) -> Plan:
    compiled = compile_program(Source("test", text), None, Options())
    assert not compiled.errors, compiled.errors
    return compiled.plan


def test_equal_calls_with_equal_folded_arguments_are_one_call() -> None:
    """Each function calls the previous one twice; 2^60 calls would never end."""
    lines = ["let f0(x) = x"]
    lines += [f"let f{k}(x) = f{k - 1}(x + 1 - 1) + f{k - 1}(x * 2 / 2)" for k in range(1, 61)]
    text = "\n".join(lines) + '\nprint "x" f60(1)\n'
    assert voxgpu.run(text).values == {"x": 2.0**60}


@pytest.mark.parametrize(
    "text",
    [
        "fold + range(20000)",
        "mean(range(20000))",
        "median(map(square, range(1, 20001)))",
        "stdev(filter x in range(20000) do x > 10)",
        "length(for x in range(20000) do square(x))",
        "max(range(20000)[3:][:500])",
        "argsort([3, 1, 2])",
        "tally([3, 1, 3])",
        "sum_of(3)",
        'format_string("{}-{:.2f}", 3, range(5)[2])',
        "if square(3) > 8 then [1, 2] else [3]",
    ],
)
def test_constant_expressions_fold_to_one_constant(text: str) -> None:
    begin = "let square(x) = x * x\nlet sum_of(n) = fold + 0 range(n)\n"
    plan = _plan(f'{begin}print "x" {text}\n')
    (goal,) = plan.goals
    node = plan.nodes[goal.value]
    if "tally" not in text:  # a sequence of sequences
        assert node.primitive is CONSTANT


@pytest.mark.parametrize("text", ["1 / 0", "-(1 / f(-0))", "1 / f(0)", "1 / f(-(0))", "f(0) / 0"])
def test_folding_preserves_the_signs_of_zero_and_nan(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = f'let f(x) = x * 1\nprint "a" {text}\nprint "b" [f(0), f(-(0)), {text}]\n'
    folded = voxgpu.run(program)
    monkeypatch.setattr(PrimitiveApplier, "folded", lambda *_: None)
    plain = voxgpu.run(program)
    assert repr(folded.prints) == repr(plain.prints)
    assert math.copysign(1, folded.values["b"][1]) == -1  # type: ignore[index, arg-type]


def test_calls_with_zeros_of_either_sign_and_truth_values_differ() -> None:
    text = 'let f(x) = 1 / x\nlet g(x) = [x, x]\nprint "x" [f(0), f(-(0))]\n'
    text += 'print "n" g(1)\nprint "t" g(true)\n'
    shown = [str(each) for each in voxgpu.run(text).prints]
    assert shown == ["x=[inf, -inf]", "n=[1, 1]", "t=[true, true]"]


def test_undefined_values_are_reported_at_their_location() -> None:
    text = 'print "a" 1\nprint "b" mean(range(0))\nprint "c" [1, number("x"), 3]\n'
    result = voxgpu.run(text, on_error="collect")
    assert result.values["a"] == 1
    assert [each.code for each in result.errors] == ["E301", "E301"]
    places = [each.span.start for each in result.errors if each.span]
    assert places == [text.index("mean"), text.index("number")]


def test_user_primitives_are_not_folded(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(
        "from voxgpu.primitives.define import NumberValue, scalar\n"
        "@scalar()\n"
        "def loud(a: NumberValue) -> NumberValue:\n"
        '    """One more.\n\n    >>> loud(1)\n    2\n    """\n'
        f"    open({str(tmp_path / 'ran')!r}, 'w').close()\n"
        "    return a + 1\n"
    )
    assert not voxgpu.check('print "x" loud(1)', primitives=[path])
    assert not (tmp_path / "ran").exists()
    assert voxgpu.run('print "x" loud(1)\n', primitives=[path]).values == {"x": 2.0}
    assert (tmp_path / "ran").exists()


def test_ranges_are_as_written_in_float64() -> None:
    numbers = voxgpu.run('print "x" range(0.1, 50, 0.3)').values["x"]
    assert numbers == tuple(0.1 + i * 0.3 for i in range(len(numbers)))  # type: ignore[arg-type]


def test_many_numbers_have_the_bytes_of_each() -> None:
    values = (*map(float, range(100)), -0.0, math.nan, math.inf)
    assert meaning_of(values)[9:] == b"".join(map(meaning_of, values))
    assert Graph().constant(values, ()) == Graph().constant(tuple(array("d", values)), ())
