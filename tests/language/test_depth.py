"""Programs that are nested too deep are reported; wide and long ones are accepted."""

from __future__ import annotations

import pytest

import voxgpu
from voxgpu.diagnostics import ImgqlError
from voxgpu.language.brackets import DEEPEST

NESTED = {
    "prefix operators": ("-", "1", ""),
    "negations": ("!", "true", ""),
    "brackets": ("[", "1", "]"),
    "parentheses": ("(", "1", ")"),
    "prefixed parentheses": ("-(", "1", ")"),
    "calls": ("max(1, ", "1", ")"),
    "loops": ("for i in range(1) do ", "1", ""),
    "choices": ("if true then ", "1", " else 2"),
    "chained choices": ("if false then 1 else ", "2", ""),
    "local names": ("let a = 1 in ", "a", ""),
}


@pytest.mark.parametrize("kind", NESTED)
@pytest.mark.parametrize("count", [DEEPEST + 1, 1500])
def test_too_deep_nesting_is_reported(kind: str, count: int) -> None:
    before, inside, after = NESTED[kind]
    with pytest.raises(ImgqlError, match="nested more than 256 deep") as failed:
        voxgpu.run(f'\nprint "x" {before * count}{inside}{after * count}\n')
    (diagnostic,) = failed.value.diagnostics
    assert (diagnostic.code, diagnostic.span is not None) == ("E100", True)


@pytest.mark.parametrize("kind", [each for each in NESTED if each != "calls"])
def test_nesting_up_to_the_limit_runs(kind: str) -> None:
    before, inside, after = NESTED[kind]
    count = DEEPEST - 1
    result = voxgpu.run(f'\nprint "x" {before * count}{inside}{after * count}\n')
    assert not result.errors
    assert len(result.prints) == 1


def test_wide_is_not_deep() -> None:
    choices = ", ".join(["if true then 1 else 2"] * 400)
    loops = " + ".join(["-1"] * 400)
    text = f'print "a" [{choices}]\nprint "b" {loops}\n' + "let f(x) = -x\n" * 400
    first, second = voxgpu.run(text).prints
    assert (len(first.value), second.value) == (400, -400)  # type: ignore[arg-type]
